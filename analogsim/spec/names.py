"""The names in a spec, looked at before torch is imported."""

from pathlib import Path

from analogsim.crossbar.mapping import periphery_text
from analogsim.inputs.names import MEMORY, check_data, check_measure, check_model
from analogsim.spec.device import device_of, is_device_file
from analogsim.spec.device_toml import plain_preset
from analogsim.spec.noise import NoiseSpec
from analogsim.spec.study import Spec
from analogsim.spec.suite import Suite
from analogsim.spec.sweep_check import check_sweep
from device_models.effects.registry import parse_effect


def check_names(spec: Spec | NoiseSpec | Suite) -> None:
    """Refuse networks, data, devices, effects and peripheries that there are not, times of none.

    Raises:
        InputError, DeviceError: there is no such name.
    """
    if isinstance(spec, Suite):
        for _, member in spec.members:
            check_names(member)
        return
    # What is in memory came with its name.
    if not spec.model.startswith(MEMORY):
        check_model(spec.model)
    if not spec.data.startswith(MEMORY):
        check_data(spec.data)
    if not spec.measure.startswith(MEMORY):
        check_measure(spec.measure)
    if isinstance(spec, Spec):
        for preset in spec.presets:
            check_preset(preset, spec.times)
        for effect in spec.effects:
            parse_effect(effect)
        check_periphery(spec.periphery, spec.model)
        check_sweep(spec)


def check_periphery(periphery: str, model: str) -> None:
    """Refuse a periphery that there is not; not beside a folder, which brings its own."""
    if not Path(model).is_dir():
        periphery_text.parse(periphery)


def check_preset(preset: str, times_s: tuple[float, ...] = ()) -> None:
    """Refuse a device of ours that there is not, or that a time is not valid for.

    Files of the user's own are left for later: their code imports torch.
    """
    preset = plain_preset(preset)
    if not is_device_file(preset):
        device = device_of(preset)
        for t_s in times_s:
            device.check_time(t_s)
