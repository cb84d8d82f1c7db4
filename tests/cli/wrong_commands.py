"""Commands that are wrong, and what must be said of each."""

from collections.abc import Iterator, Mapping
from itertools import cycle
from pathlib import Path

from tests.cli.wrong_files import NOT_UTF8

ZOO = "zoo:digits_cnn"
DIGITS = ("--data", "digits")
OUT = ("-o", "out")

WEIGHTS = {
    "none.pt": r"none\.pt must exist, got no such file",
    "dir.pt": r"dir\.pt must be a file, got a folder",
    "file": r"file must be safetensors or a file of torch\.save, got one that starts with b'hello",
    "good.npz": r"must be a file of torch\.save, got an archive of x\.npy, y\.npy; unpack",
    "enormous.pt": r"enormous\.pt must be a whole file of torch\.save, got a damaged",
    "enormous.safetensors": r"enormous\.safetensors must be a whole safetensors file, got a dam",
    "cut.pt": r"cut\.pt must be a whole file of torch\.save, got a damaged",
    "cut.safetensors": r"cut\.safetensors must be a whole safetensors file, got a damaged one",
    "lie.safetensors": r"lie\.safetensors must be a whole safetensors file, got a damaged one",
    "shape.pt": r"1 mis-shaped \(conv1\.weight \(2, 2\) instead of \(16, 1, 3, 3\)\)",
    "nan.pt": r"must be finite, got NaN or infinity in linear\.bias \(10 of 10",
    "inf.pt": r"must be finite, got NaN or infinity in linear\.bias \(10 of 10",
    "evil.pt": r"must hold only weights, got a pickle that needs to run",
    "bomb.pt": r"at most 50 times its size, got 3145728\d\d bytes out of \d+, as a zip bomb does",
    f"{NOT_UTF8}.pt": r"must exist, got no such file",
}
DATA = {
    "digit": r"got 'digit'; check the name; did you mean 'digits'\?",
    "cifar10": r"'cifar10' folder must be given, got none",
    "npz:none.npz": r"none\.npz must be an \.npz file, got no such file",
    "npz:dir.npz": r"dir\.npz must be an \.npz file, got a folder",
    "npz:enormous.npz": r"enormous\.npz must be a whole \.npz file",
    "npz:cut.npz": r"cut\.npz must be a whole \.npz file .*, got BadZipFile",
    "npz:lie.npz": r"got ValueError: an array of shape \(1099511627776, 8, 8, 1\) in 0 bytes",
    "npz:bomb.npz": r"bomb\.npz must unpack to at most 50 times its size, got 3145729",
    "npz:evil.npz": r"got ValueError: Object arrays cannot be loaded",
    "npz:no-images.npz": r"x must hold images, got an empty array",
    "npz:labels.npz": r"labels must be from 0 to 9, got 10; number",
    "npz:colour.npz": r"the model wants 1 x 8 x 8 images, got 3 x 8 x 8",
    "npz:nan.npz": r"x values must be finite, got NaN or infinity in image 0",
    "folder:none": r"data folder none must exist",
    "folder:file": r"data folder file must exist",
    "folder:empty-folder": r"empty-folder must hold one folder a class, got none",
    "folder:images?channels=1": r"class3/1\.png must be a readable image, got OSError: image file",
    "folder:images?chanels=1": r"got 'chanels'; did you mean 'channels'\?",
    f"folder:{NOT_UTF8}": r"must exist, got no such folder",
    "net.py:net": r"must return a torch Dataset with a length, got Linear",
}
MODELS = {
    "zoo:digit_cnn": r"got 'digit_cnn'; did you mean 'digits_cnn'\?",
    "digits_cnn": r"got 'digits_cnn'; write zoo:digits_cnn",
    "good.pt": r"got 'good\.pt'; a weight file goes to --weights",
    "empty-folder": r"got (another folder; load one|the folder 'empty-folder'; name its network)",
    "net.py": r"'net\.py' must name a callable of the file, got none",
    "net.py:nett": r"callable 'nett', got no such name; it defines net; did you mean 'net'\?",
    "none.py:net": r"must exist, got 'none\.py'",
    "dir.py:net": r"must exist, got 'dir\.py'",
    "latin.py:net": r"must run without an error, got SyntaxError: .*utf-8|must return an nn\.Mod",
    "net.py:net": r"the model wants images that it can take, got 1 x 8 x 8",
    NOT_UTF8: r"must be zoo:NAME, .* or a folder written by convert, .*, got 'caf\\udce9'",
}
PERIPHERIES = {
    "stadard": r"must be ideal, standard, .*hermes or a \.toml file, got 'stadard'",
    "none.toml": r"none\.toml must be readable, got 'No such file",
    "dir.toml": r"dir\.toml must be readable, got 'Is a directory'",
    "enormous.toml": r"enormous\.toml must be readable, got 'File too large: over [0-9]+ bytes'",
    "latin.toml": r"latin\.toml must be TOML, got ''utf-8' codec can't decode byte 0xe9",
    "cut.toml": r"cut\.toml must be TOML, got 'Expected '='",
    "deep.toml": r"deep\.toml must be TOML, got 'it is nested too deeply",
    "good.toml": r"good\.toml: periphery fields must be among .* got data, design, model",
}
CHIPS = {
    "chip-edited": r"chip\.json must be as it was written, got crc32 '\w{8}' where the fields have",
    "chip-not-utf8": r"chip\.json cannot be read: 'utf-8' codec can't decode byte 0xff",
    "chip-deep": r"chip\.json cannot be read: it is nested too deeply",
    "chip-enormous": r"chip\.json cannot be read: .*File too large: over [0-9]+ bytes",
}
SPECS = {
    "none.toml": r"spec none\.toml must be a readable TOML file, got 'No such file",
    "dir.toml": r"spec dir\.toml must be a readable TOML file, got 'Is a directory'",
    "enormous.toml": r"got 'File too large: over [0-9]+ bytes'",
    "latin.toml": r"got ''utf-8' codec can't decode byte 0xe9",
    "cut.toml": r"cut\.toml must be TOML, got 'Expected '='",
    "deep.toml": r"deep\.toml must be TOML, got 'it is nested too deeply",
    "long.toml": r"long\.toml must be TOML, got 'Exceeds the limit",
    "good.pt": r"got ''utf-8' codec can't decode byte",
    "/dev/zero": r"spec /dev/zero must be .*, got 'File too large",
    f"{NOT_UTF8}.toml": r"must be a readable TOML file, got 'No such file",
}
RUNS = {
    "none": r"none must hold a readable run\.json, got 'No such file",
    "file": r"file must (hold|be) a readable .*, got '",
    "empty-folder": r"empty-folder must hold a readable run\.json",
    "chip": r"run folder chip must hold a readable run\.json",
    "run-deep": r"run\.json must be JSON, got 'it is nested too deeply'",
    "run-deep-record": r"records\.jsonl line 1 must be JSON, got 'it is nested too deeply'",
    "run-edited": r"records\.jsonl line 1 must be as it was written, got crc32 '\w{8}' where the",
    "run-twice": r"got chip 0 twice",
    "run-enormous": r"records\.jsonl must be readable, got 'File too large: over \d+ bytes'",
    NOT_UTF8: r"must hold a readable run\.json",
}


def commands() -> Iterator[tuple[tuple[str, ...], str]]:
    """The table: a command, and what its sentence must say."""
    for command in ("convert", "drift", "compare", "evaluate", "train"):
        yield (command,), "Missing argument 'MODEL'"
        yield (command, ZOO, *DIGITS, *_out(command), "--seeed", "3"), "No such option:? '?--seeed"
    for command, (model, message) in _dealt(MODELS, "drift", "compare", "evaluate", "train"):
        if (command, model) != ("train", "net.py:net"):
            yield (command, model, *DIGITS, *_out(command)), message
    for command, (weights, message) in _dealt(WEIGHTS, "drift", "evaluate"):
        yield (command, ZOO, "--weights", weights, *DIGITS, *_out(command)), message
    for command, (data, message) in _dealt(DATA, "evaluate", "train"):
        # A training says first that it wants its images in memory.
        if command != "train" or not data.startswith("folder:images?channels"):
            yield (command, ZOO, "--data", data, *_out(command)), message
    for command in ("convert", "drift", "train", "demo", "run"):
        first = {"demo": (), "run": ("good.toml",)}.get(command, (ZOO, *DIGITS))
        yield (command, *first, "-o", "file"), "output file must be a folder, got a path through"
        yield (command, *first, "-o", "file/x"), "output file/x must be a folder, got a path"
        held = "chip must be an empty folder, got one that holds"
        if command == "convert":
            held = "folder chip must be empty or hold what is written, got another chip.json"
        yield (command, *first, "-o", "chip"), held
        if Path("/sys/kernel").is_dir():
            yield (command, *first, "-o", "/sys/x"), "output /sys/x must be writable, got '"
    for command, (periphery, message) in _dealt(PERIPHERIES, "drift"):
        yield (command, ZOO, *DIGITS, "--periphery", periphery, *OUT), message
    for command, (folder, message) in _dealt(CHIPS, "drift"):
        yield (command, folder, *DIGITS, *OUT), message
    yield ("convert", "chip", "--weights", "good.pt", *DIGITS, *OUT), "got --weights too"
    yield ("convert", ZOO), "must have a folder to write, got none; add -o DIR or --dry-run"
    yield ("convert", ZOO, "--input-shape", "1x0x8", *OUT), "got '1x0x8'; write for example"
    yield ("convert", ZOO, "--input-shape", "3,8,8", *OUT), "1 x 8 x 8 images, got 3 x 8 x 8"
    yield (
        ("convert", ZOO, "--input-shape", "1" * 5000, *OUT),
        "must be whole numbers above 0, got '1{60}'",
    )
    yield ("convert", ZOO, "--chip", "-1", *OUT), "chip must be at least 0, got -1"
    for command, option in (
        ("convert", "--preset"),
        ("drift", "--preset"),
        ("compare", "--presets"),
    ):
        yield (command, ZOO, *DIGITS, option, "pmc", *OUT), "got 'pmc'; did you mean 'pcm'"
        yield (command, ZOO, *DIGITS, option, "pcm?x=1", *OUT), "option must be one of .* got 'x'"
    yield ("drift", ZOO, *DIGITS, "--preset", "", *OUT), "preset must be one of .*, got ''"
    yield ("compare", ZOO, *DIGITS, "--presets", ",", *OUT), "without empty entries, got ','"
    yield ("drift", ZOO, *DIGITS, "--preset", "pcm,rram", *OUT), "got 'pcm,rram'; measure several"
    yield ("convert", ZOO, "--preset", "pcm,x", *OUT), "--preset must be one device, got 'pcm,x'"
    yield ("drift", ZOO, *DIGITS, "--times", "1x", *OUT), "got 'x' in '1x'"
    yield ("drift", ZOO, *DIGITS, "--chips", "9" * 20, *OUT), "at most 1000000, got 9{20}"
    yield ("drift", ZOO, *DIGITS, "--precision", "nan", *OUT), "precision must be .*, got nan"
    yield ("drift", ZOO, *DIGITS, "--address", "x", *OUT), "must go with --on ray, got 'x'"
    yield ("drift", ZOO, *DIGITS, "--device", "tpu", *OUT), "'tpu' is not one of"
    yield ("drift", "--data", "digits", "-o", "out"), "Missing argument 'MODEL'"
    for spec, message in SPECS.items():
        yield ("run", spec, *OUT), message
    yield ("run", "good.toml"), "Missing option '-o'"
    yield ("run",), r"Missing argument 'SPEC\.toml'"
    yield ("run", "good.toml", "-o", "run"), r"got changes: images: 10 -> 360"
    for folder, message in RUNS.items():
        yield ("report", folder), message
    yield ("report",), "Missing argument 'DIR'"
    yield ("presets", "pmc"), "got 'pmc'; did you mean 'pcm'"
    yield ("presets", "pcm", "rram"), r"unexpected extra argument \(rram\)"
    yield ("doctor", "x"), r"unexpected extra argument \(x\)"
    yield ("demo", "--chips", "0", *OUT), "chips must be at least 1, got 0"
    yield ("dirft",), "got 'dirft'; did you mean 'drift'"
    yield ("train", ZOO, *DIGITS, "--lr", "nan", *OUT), "learning_rate must be .*, got nan"
    yield ("train", ZOO, *DIGITS, "--crop", "99", *OUT), "got 99; lower --crop"
    yield from _study_commands()
    yield from _numbers()
    yield from _twice()


def _out(command: str) -> tuple[str, ...]:
    return () if command == "evaluate" else OUT


def _dealt(table: Mapping[str, str], *others: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each row with `convert`, and with one of the others in turn: what reads it is the same."""
    for row, other in zip(table.items(), cycle(others), strict=False):
        yield "convert", row
        yield other, row


def _study_commands() -> Iterator[tuple[tuple[str, ...], str]]:
    """The commands that answer more than one accuracy, and the figures of a run."""
    for command in ("attribute", "noise"):
        yield (command,), "Missing argument 'MODEL'"
        yield (command, ZOO, *DIGITS, *OUT, "--seeed", "3"), "No such option:? '?--seeed"
        yield (command, "zoo:digit_cnn", *DIGITS, *OUT), "did you mean 'digits_cnn'"
        yield (command, ZOO, "--data", "digit", *OUT), "did you mean 'digits'"
        yield (command, ZOO, "--weights", "cut.pt", *DIGITS, *OUT), WEIGHTS["cut.pt"]
        yield (command, ZOO, *DIGITS, "-o", "file/x"), "output file/x must be a folder, got a path"
        yield (command, ZOO, *DIGITS, "-o", "chip"), "chip must be an empty folder, got one that"
    yield ("attribute", ZOO, *DIGITS, "--preset", "pmc", *OUT), "got 'pmc'; did you mean 'pcm'"
    yield ("attribute", ZOO, *DIGITS, "--chips", "0", *OUT), "chips must be .*, got 0"
    yield ("attribute", ZOO, *DIGITS, "--layers", "nono*", *OUT), "got .*nono"
    yield ("attribute", ZOO, *DIGITS, "--tile", "cpp", *OUT), "must be 'native', got 'tile'"
    yield ("noise", ZOO, *DIGITS, "--scopes", "weight", *OUT), "got 'weight'"
    yield ("noise", ZOO, *DIGITS, "--references", "mean", *OUT), "'mean' is not one of 'all', 'std'"
    yield ("noise", ZOO, *DIGITS, "--etas", "x", *OUT), "got 'x'"
    yield ("noise", ZOO, *DIGITS, "--etas", "nan", *OUT), "got .*nan"
    yield ("noise", ZOO, *DIGITS, "--draws", "0", *OUT), "draws must be .*, got 0"
    for folder, message in RUNS.items():
        yield ("figures", folder), message
    yield ("figures", "run", "--width", "three"), "got 'three'|'three' is not"
    yield ("figures", "run", "--format", "gif"), "got 'gif'|'gif' is not"
    yield ("figures", "run", "--chart", "nono"), "got 'nono'|got .*nono"


def _numbers() -> Iterator[tuple[tuple[str, ...], str]]:
    """Numbers that nothing can be computed with, or nothing in a lifetime."""
    for time in ("1e308y", "1e308s", "1e400s", "1.1e18s"):
        yield ("drift", ZOO, *DIGITS, "--times", time, *OUT), f"at most 1e.18 s .*, got '{time}'"
    for time in ("nan", "inf", "-0", "-1s"):
        message = f"times must be a number of at least 0 .*, got '{time}'"
        yield ("drift", ZOO, *DIGITS, f"--times={time}", *OUT), message
    for command in ("convert", "drift", "compare", "attribute", "noise", "train", "demo"):
        first = () if command == "demo" else (ZOO, *DIGITS)
        for seed in (str(2**64), "1" + 400 * "0"):
            message = f"seed must be at most 18446744073709551615, got {seed}"
            yield (command, *first, "--seed", seed, *OUT), message
        yield (command, *first, "--seed=-1", *OUT), "seed must be at least 0, got -1"
    huge = "1" + 30 * "0"
    for option, command in (("chips", "drift"), ("draws", "noise")):
        message = f"{option} must be at most 1000000, got {huge}"
        yield (command, ZOO, *DIGITS, f"--{option}", huge, *OUT), message
    for number, value in (("epochs", huge), ("learning_rate", "1e308"), ("weight_decay", "1e308")):
        option = {"learning_rate": "--lr"}.get(number, f"--{number.replace('_', '-')}")
        said = value.replace("e308", "e.308")
        yield ("train", ZOO, *DIGITS, option, value, *OUT), f"{number} must be .*at most .*{said}"
    yield ("train", ZOO, *DIGITS, "--batch-size", huge, *OUT), f"at most the .* images .*{huge}"


def _twice() -> Iterator[tuple[tuple[str, ...], str]]:
    """An option of one value with two."""
    for command, option in (
        ("demo", "--chips"),
        ("convert", "--chip"),
        ("drift", "--chips"),
        ("compare", "--limit"),
        ("attribute", "--seed"),
        ("noise", "--draws"),
        ("train", "--epochs"),
        ("evaluate", "--limit"),
        ("run", "--workers"),
        ("drift", "--preset"),
        ("figures", "--output"),
    ):
        message = f"{option} must be given once, got it 2 times; leave all but one out"
        yield (command, "x", option, "1", option, "2"), message
    yield ("drift", ZOO, *DIGITS, *OUT, "--output", "x"), "-o / --output must be given once"
    yield ("train", ZOO, "--flip", "--no-flip"), "--flip / --no-flip must be given once, got it 2"
