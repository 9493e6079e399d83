"""Keys of a run's inputs: downloads, data, saliency."""

from typing import Annotated, Literal

from pydantic import Field

from mdc.config.keys import Count, Float, HashText, Int, PathText, Pixels, Section, Seed, Share, Unique, Url
from mdc.config.salient_networks import KNOWN, KnownNetwork, Scaling

Split = Literal["train", "val", "test"]


class Archive(Section):
    """An archive to download; what is already in `downloads.folder` or elsewhere is not downloaded."""

    urls: Annotated[list[Url], Unique] = Field(min_length=1, description="Sources, tried in this order.")
    hash: Annotated[str, Field(min_length=1)] = Field(
        pattern=r"^(md5:[0-9a-f]{8,32}|sha256:[0-9a-f]{8,64})$",
        description="Expected hash: `md5:` or `sha256:` and at least the first 8 hex digits.",
    )
    archive_mb: Float = Field(gt=0, description="Expected size in MB (10^6 bytes), to check the free space first.")
    unpacked_mb: Float = Field(gt=0, description="Expected size once unpacked in MB; three times as much is refused.")


class WeightsSource(Section):
    """Other sources of pre-trained weights than those the encoder names."""

    urls: Annotated[list[Url], Unique] = Field([], description="Sources, tried in this order; empty: the encoder's.")
    hash: HashText = Field("", description="As that of an archive; empty: the encoder's.")


VOC = Archive(
    urls=[
        "https://thor.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
        "https://d2l-data.s3-accelerate.amazonaws.com/VOCtrainval_11-May-2012.tar",
        "https://dataset.bj.bcebos.com/voc/VOCtrainval_11-May-2012.tar",
        "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
    ],
    hash="md5:6cd6e144f989b92b3379bac3b3de84fd",
    archive_mb=2000,
    unpacked_mb=2100,
)
SBD = Archive(
    urls=[
        "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/semantic_contours/benchmark.tgz",
        "http://www.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/semantic_contours/benchmark.tgz",
    ],
    hash="md5:82b4d87ceb2ed10f6038a1cba92111cb",
    archive_mb=1420,
    unpacked_mb=200,  # the class masks and the lists; the rest stays in the archive
)


class Downloads(Section):
    """Files from the internet, shared by all runs: needed by `data.source: voc` and by `init: pretrained`."""

    folder: PathText = Field(
        "data", min_length=1, description="Folder of archives, unpacked data and weights; may be on another disk."
    )
    keep_archives: bool = Field(
        True, description="Whether archives are kept after unpacking, including those you put there."
    )
    rounds: Int = Field(
        6, ge=1, le=20, description="Rounds over all sources without progress before a download fails (waits between)."
    )
    timeout_seconds: Float = Field(
        60, gt=0, le=3600, description="Seconds without a byte after which a connection is closed."
    )
    voc: Archive = Field(VOC, description="VOC 2012, unless `data.voc_root` is given.")
    sbd: Archive = Field(SBD, description="SBD, unless `data.sbd_root` is given or `data.train_list` is train.")
    weights: dict[str, WeightsSource] = Field(
        {},
        description="Name of pre-trained weights (`encoder.weights`, or `saliency.model`) -> other sources of them.",
    )


class ExpectedImages(Section):
    """For source voc: the number of images of each list (paper 4.1); another number stops the run."""

    train: Count = Field(1464, description="VOC's own training list.")
    trainaug: Count = Field(10582, description="VOC's training list and SBD, without VOC's val.")
    trainvalaug: Count = Field(12031, description="All of them.")
    val: Count = Field(1449, description="VOC's val.")
    test: Count = Field(1456, description="VOC's test.")


class Synthetic(Section):
    """The built-in dataset: drawn scenes (source synthetic)."""

    train: Count = Field(600, description="Number of training images.")
    val: Count = Field(200, description="Number of validation images.")
    test: Count = Field(200, description="Number of test images.")
    side_px: Int = Field(96, ge=64, le=1024, description="Side of the square images in pixels.")
    body_cue: Share = Field(
        0.5,
        description="Share of the bodies whose colour hints at the class; 0: only the heads tell the classes apart.",
    )
    seed: Seed = Field(0, description="Seed of the images; the networks have their own (`seeds`).")


class Data(Section):
    """Photos, tags and masks."""

    source: Literal["voc", "synthetic", "voc_layout", "folder"] = Field(
        "voc",
        description="voc: VOC 2012 and SBD (paper 4.1); synthetic: the built-in dataset; voc_layout: another folder in "
        "VOC's layout; folder: photos with a table of tags.",
    )
    voc_root: PathText = Field(
        "", description="Source voc: your folder of VOC 2012 (with JPEGImages) or a parent of it; empty: downloaded."
    )
    voc_test_archive: PathText = Field(
        "", description="Source voc: your VOC2012test.tar (behind a login), for predictions of the split test."
    )
    sbd_root: PathText = Field("", description="Source voc: your folder of SBD (with cls); empty: downloaded.")
    train_list: Literal["train", "trainaug", "trainvalaug"] = Field(
        "trainaug",
        description="Source voc: the training images. trainaug: VOC's train and SBD without VOC's val (paper 4.1); "
        "train: VOC's train only; trainvalaug: everything, so that val has no scores.",
    )
    expected_images: ExpectedImages = Field(ExpectedImages(), description=ExpectedImages.__doc__)
    root: PathText = Field("", description="Sources voc_layout and folder: the folder.")
    tags_csv: PathText = Field(
        "",
        description="Source folder: table with the columns image and tags, or image and a column of 0 and 1 per class, "
        "or COCO's JSON; empty: `<root>/tags.csv`, else an XML beside each photo, else one folder of photos per class.",
    )
    classes: Annotated[list[Annotated[str, Field(min_length=1)]], Unique] = Field(
        [],
        max_length=254,
        description="Sources voc_layout and folder: class names in the order of the mask indices 1, 2, ...; empty: "
        "`<root>/classes.txt`, else (voc_layout) VOC's 20.",
    )
    max_side_px: Pixels = Field(
        1024,
        description="Longest side in pixels at which networks and CRF see a photo; longer photos are reduced for them. "
        "Predicted masks are enlarged to the photo's own size, at which all scores are measured. Our choice.",
    )
    val_share: Float = Field(
        0.1, gt=0, lt=1, description="Share of the images for validation where no list and no column names them."
    )
    split_seed: Seed = Field(0, description="Seed of that choice.")
    synthetic: Synthetic = Field(Synthetic(), description=Synthetic.__doc__)


class Saliency(Section):
    """Saliency maps, the background cue (paper 4.1; the paper's own saliency network is not public)."""

    source: Literal["rbd", "onnx", "folder", "none", "ground_truth"] = Field(
        "rbd",
        description="rbd: robust background detection, built in; onnx: a trained salient-object network; folder: maps "
        "of any model; none: background from the localization maps; ground_truth: the objects of the true masks, as a "
        "perfect model would find them.",
    )
    model: PathText = Field(
        "isnet-general-use",
        min_length=1,
        description=f"Source onnx: the network, one of {', '.join(KNOWN)} (downloaded, 4 to 224 MB; untried), your "
        "ONNX file, or the URL of one.",
    )
    model_hash: HashText = Field("", description="Source onnx: the hash of the file at a URL, as that of an archive.")
    scaling: Scaling = Field(Scaling(), description=Scaling.__doc__)
    folder: PathText = Field(
        "",
        description="Source folder: 8-bit grey PNGs `<folder>/<id>.png`, 255 = salient, at the photos' own sizes, as a "
        "viewer shows them, or reduced to `data.max_side_px`.",
    )
    missing: Literal["stop", "rbd"] = Field(
        "stop", description="Source folder: what to do about images without a map; rbd computes theirs."
    )

    @property
    def known_network(self) -> KnownNetwork | None:
        """The network that `model` names; None for a file or a URL."""
        return KNOWN.get(self.model)

    @property
    def network_url(self) -> str:
        """The URL in `model`; empty for a known network or a file."""
        return self.model if self.model.startswith(("http://", "https://")) else ""
