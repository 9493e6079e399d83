# predict: the trained segmenter on a folder of new photos, which need no tags (config section `predict`).
# Needs:    a trained segmenter, of the first classifier and the first seed, and the folder.
# Produces: predict/photos.csv; predict/<classifier>/seed<seed>/<setting>/ with masks/<id>.png, overlays/<id>.jpg and
#           areas.csv (a row per photo and class). Another folder takes their place.


rule predict:
    """Masks, overlays and areas of the photos in predict.photos."""
    input:
        or_workflow_error(lambda wildcards: f"<run>/predict/{PLAN.chosen_segmenter('predict')}/areas.csv"),


rule list_photos:
    """Check all new photos, before anything is trained, and list them."""
    output:
        table="<run>/predict/photos.csv",
    log:
        "<run>/logs/list_photos.log",
    benchmark:
        "<run>/benchmarks/list_photos.tsv"
    priority: 100
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        code=fingerprint("list_photos"),
        root=or_workflow_error(lambda wildcards: PLAN.photos()),
        besides=lambda wildcards: "results",
        # instead of the photos as inputs: a job graph must not grow with their number
        digest=or_workflow_error(lambda wildcards: photos_digest(Path(PLAN.photos()), besides=Path("results"))),
    script:
        "../scripts/list_photos.py"


rule predict_photos:
    """Write masks, overlays and areas of the new photos."""
    input:
        photos="<run>/predict/photos.csv",
        weights="<run>/segmenter/<network>/{setting}/weights.pt",
    output:
        areas="<run>/predict/<network>/{setting}/areas.csv",
        # folders, so that no mask stays of a photo that has left
        masks=directory("<run>/predict/<network>/{setting}/masks"),
        overlays=directory("<run>/predict/<network>/{setting}/overlays"),
    log:
        "<run>/logs/predict_photos/<network>/{setting}.log",
    benchmark:
        "<run>/benchmarks/predict_photos/<network>/{setting}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(120),
        gpu=GPU,
        device=CONFIG.device,
    params:
        code=fingerprint("predict_photos", encoder="segmenter"),
        crf=CONFIG.crf.model_dump() if CONFIG.predict.crf else None,
    script:
        "../scripts/predict_photos.py"
