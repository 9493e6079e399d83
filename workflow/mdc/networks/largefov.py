"""DeepLab-LargeFOV (Chen et al. 2014), the segmentation network of paper §4.1."""

from typing import Any

from torch import Tensor, nn

from mdc.networks.encoders import build_backbone
from mdc.networks.layers import Standardise, init_new_layers, normalisation

CONV5_DILATION = 2  # DeepLab-LargeFOV


class LargeFov(nn.Module):
    """A trunk with a dilated last stage, a wide-dilation fc6, fc7 and the class scores.

    Args:
        trunk: a backbone built with `for_segmenter=True`.
        classes: number of classes C, background included.
        fc_width: channels of fc6 and fc7.
        fc6_dilation: of the 3x3 convolution fc6.
        dropout: probability after fc6 and after fc7.
        norm: normalisation after fc6 and fc7: `none`, `batch` or `group`.
    """

    def __init__(
        self, *, trunk: nn.Module, classes: int, fc_width: int, fc6_dilation: int, dropout: float, norm: str
    ) -> None:
        super().__init__()
        self.trunk = trunk
        bias = norm == "none"
        self.fc6 = nn.Conv2d(trunk.out_channels, fc_width, 3, padding=fc6_dilation, dilation=fc6_dilation, bias=bias)
        self.fc7 = nn.Conv2d(fc_width, fc_width, 1, bias=bias)
        self.score = nn.Conv2d(fc_width, classes, 1)
        self.after_fc6 = nn.Sequential(*normalisation(norm, fc_width), nn.ReLU(inplace=True), nn.Dropout(dropout))
        self.after_fc7 = nn.Sequential(*normalisation(norm, fc_width), nn.ReLU(inplace=True), nn.Dropout(dropout))
        for conv in (self.fc6, self.fc7):
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            if bias:
                nn.init.zeros_(conv.bias)
        init_new_layers([self.score])
        self.standardise = Standardise(trunk.mean, trunk.std)

    def new_parameters(self) -> set[Tensor]:
        """Return the parameters of the class scores, the one layer that is never pre-trained."""
        return set(self.score.parameters())

    def forward(self, standardised: Tensor) -> Tensor:
        """Return class scores (logits) (N, C, h, w) of standardised images (N, 3, H, W)."""
        features = self.trunk(standardised)
        return self.score(self.after_fc7(self.fc7(self.after_fc6(self.fc6(features)))))


def build_segmenter(
    *, backbone: dict[str, Any], classes: int, fc_width: int, fc6_dilation: int, dropout: float
) -> LargeFov:
    """Return the segmenter that the config describes, for `classes` foreground classes, randomly initialised."""
    return LargeFov(
        trunk=build_backbone(for_segmenter=True, conv5_dilation=CONV5_DILATION, **backbone),
        classes=classes + 1,
        fc_width=fc_width,
        fc6_dilation=fc6_dilation,
        dropout=dropout,
        norm=backbone["norm"],
    )
