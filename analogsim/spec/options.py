"""Keys that several kinds of spec share: which network on which hardware, and which images.

Commands without a spec of their own have options for some of them, too.
"""

from dataclasses import dataclass, field

from analogsim.errors import InputError
from analogsim.keys import flag, many, number, one_of, text, whole

DATA = text(
    "text: digits, cifar10, cifar100, folder:PATH, npz:FILE or FILE.py:FACTORY",
    metavar="DATA",
    help="digits, cifar10, cifar100, folder:PATH, npz:FILE or FILE.py:FACTORY.",
    complete="data",
)
MEASURE = text(
    "what is measured: top1, top5, or FILE.py:NAME of a measure of your own",
    metavar="top1|top5|FILE.py:NAME",
    help="What is measured of each image: the right class first, among the first five, or "
    "a Measure of your own.",
)
_FILE = ".safetensors, .pt, .pth or .th file"
_NORMALISATION = "Normalisation, per channel."
_IMAGES = "a whole number of images, 1 or more"


@dataclass(frozen=True, kw_only=True)
class OfModel:
    """Which network, and from which seed all that is random is drawn."""

    model: str = field(
        metadata=text("text: zoo:NAME, FILE.py:FACTORY, or a folder that convert wrote").row
    )
    weights: str | None = text(f"text: a {_FILE}", path=True, help=f"{_FILE}.").field(None)
    untrained: bool = flag(
        "allow a network without trained weights", help="Allow a zoo network without weights."
    ).field(False)
    seed: int = whole(
        "a whole number, 0 or more (2^64 - 1 at most)", 0, 2**64 - 1, help="Root seed."
    ).field(0)


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """Which images, normalised how."""

    data: str | None = field(metadata=DATA.row)
    data_dir: str | None = text(
        "text: where CIFAR lies", path=True, help="Where CIFAR lies  [default: $ANALOGSIM_DATA]"
    ).field(None)
    download: bool = flag(
        "fetch CIFAR if it is missing", help="Fetch CIFAR if it is missing."
    ).field(False)
    mean: tuple[float, ...] | None = many(
        number("a number"),
        "numbers, one a channel",
        once=False,
        metavar="M[,M,M]",
        help=_NORMALISATION,
    ).field(None)
    std: tuple[float, ...] | None = many(
        number("a number above 0", above=0),
        "numbers above 0, one a channel",
        once=False,
        metavar="S[,S,S]",
        help=_NORMALISATION,
    ).field(None)

    @property
    def normalise(self) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """Mean and standard deviation a channel, if the user gave them."""
        if self.mean is None and self.std is None:
            return None
        return self.mean or (0.0,), self.std or (1.0,)


@dataclass(frozen=True, kw_only=True)
class OfImages(DataOptions, OfModel):
    """The keys of a spec that every kind has: which network, and which images, normalised how."""

    data: str = field(metadata=DATA.row)
    question: str = text("text: the question that the experiment answers", least=0).field("")
    limit: int | None = whole(_IMAGES, 1, help="Use the first N images only.").field(None)
    batch_size: int = whole(
        _IMAGES, 1, help="Images a batch; decides which product noise an image meets."
    ).field(250)
    device: str = one_of(("cpu", "cuda"), help="Processor that computes the products.").field("cpu")


@dataclass(frozen=True, kw_only=True)
class NetworkOptions(OfModel):
    """Which network, on which periphery: all that decides its conversion but the device.

    `tile` left out is that of the run in the folder, or today's default.
    """

    network: str | None = text(
        "text: FILE.py:FACTORY, the code of a folder that convert wrote",
        metavar="FILE.py:FACTORY",
        help="The network's code, for a folder that was made from such a file.",
    ).field(None)
    bn: tuple[str, ...] = many(
        one_of(("digital", "fold", "recalibrate", "recalibrate-once", "none")),
        "a list of different treatments of BatchNorm",
        help="BatchNorm: in digital periphery; folded into the weights; in digital with "
        "statistics estimated anew on each chip at each time, or once after programming; "
        "none says that the network has none (several in drift and compare).",
    ).field(("digital",))
    recalibration: str = one_of(
        ("average", "adabs"),
        help="How statistics are estimated: cumulative average, or AdaBS (Joshi 2020).",
    ).field("average")
    recalibration_images: int | None = whole(
        "a whole number of training images, 2 or more",
        2,
        metavar="N",
        help="From the first N training images.  [default: 1000; adabs: 2600]",
    ).field(None)
    keep_digital: tuple[str, ...] = many(
        text("text: a pattern of layer names"),
        "a list of patterns",
        least=0,
        once=False,
        metavar="PATTERN",
        help="Layers that stay digital, for example 'layer1.*'.",
    ).field(())
    periphery: str = text(
        "text: standard, ideal or FILE.toml, with fields set behind a ?, such as "
        "standard?adc_bits=4",
        metavar="NAME|FILE.toml[?FIELD=VALUE]",
        complete="peripheries",
        help="DAC, ADC, noise, slices and tile size around the devices: standard, ideal, "
        "isaac, prime, sonos, hermes, or a file; with single fields: "
        "'standard?adc_bits=4&output_noise=0'.",
    ).field("standard")
    tile: str | None = one_of(
        ("native", "torch", "cpp"),
        help="The law of a product: native is the whole periphery; torch that of aihwkit's "
        "torch tile, without IR drop and read noise of products; cpp the whole one on "
        "aihwkit's C++ tile, whose noise has no seed.  "
        "[default: native; a run that goes on keeps its own]",
    ).field(None)
    forward: str = one_of(
        ("auto", "native", "native-bf16", "native-compiled", "tile"),
        help="Who computes a product: the network's own convolutions, or aihwkit's tiles; "
        "native-bf16 rounds to bfloat16 (ideal periphery; about 1 % of the logits); "
        "native-compiled goes through torch's compiler (ideal periphery; needs g++).",
    ).field("auto")
    stream: str = one_of(
        ("aihwkit", "philox"),
        help="Draws of programming and drift: aihwkit's own, bit for bit, or the "
        "reproducible stream in one compiled pass, several times faster (PCM; numba).",
    ).field("aihwkit")
    grouped: str = one_of(
        ("digital", "blocks"),
        help="Depthwise convolutions and those of many groups: digital, or on tiles, as "
        "many groups as fit along each tile's diagonal (its other cells hold 0).",
    ).field("digital")
    effects: tuple[str, ...] = many(
        text(None),
        "a list of effects on the cells, in the order in which current meets them",
        least=0,
        once=False,
        metavar="EFFECT",
        complete="effects",
        help="What acts on the cells beside the device's law, for example "
        "'stuck?rate_off=0.01' (once for each, in the order in which current meets them); see "
        "analogsim presets.",
    ).field(())

    @property
    def one_bn(self) -> str:
        """The treatment of BatchNorm. Raises InputError if several were given."""
        if len(self.bn) != 1:
            raise InputError(
                f"--bn must be given once here, got {', '.join(self.bn)}; choose one of them"
            )
        return self.bn[0]
