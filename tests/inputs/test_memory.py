"""Networks and images that are held in memory."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset, SubsetRandomSampler, TensorDataset

from analogsim.errors import InputError
from analogsim.inputs.batching import batch
from analogsim.inputs.memory import data_in_memory, network_in_memory, structure_fingerprints
from tests.studies.tiny import images, network


def read(given: object, **options: object) -> tuple[torch.Tensor, torch.Tensor]:
    data = data_in_memory(given, **options)  # type: ignore[arg-type]
    return batch(data, 0, len(data.dataset))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "form",
    [
        lambda x, y: (x, y),
        lambda x, y: [x.numpy().astype(">f8"), y.numpy()],
        lambda x, y: (x, y.tolist()),
        lambda x, y: (x, nn.functional.one_hot(y)),
        lambda x, y: TensorDataset(x, y),
        lambda x, y: DataLoader(TensorDataset(x, y), batch_size=3, shuffle=True),
        lambda x, y: Subset(TensorDataset(x, y), range(len(y))),
    ],
    ids=["tensors", "arrays", "list", "one-hot", "data set", "loader", "subset"],
)
def test_every_form_gives_the_same_images(form) -> None:
    x, y = images()
    found_x, found_y = read(form(x, y))
    assert torch.equal(found_x, x)
    assert torch.equal(found_y, y)


def test_bytes_are_read_as_an_npz_file_s() -> None:
    pixels = np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4)
    x, _ = read((pixels, [0, 1]))
    assert torch.equal(x, torch.from_numpy(pixels)[:, None].float() / 255)
    x, _ = read((pixels, [0, 1]), normalise=((0.5,), (0.25,)))
    assert torch.allclose(x, (torch.from_numpy(pixels)[:, None].float() / 255 - 0.5) / 0.25)


def test_what_the_caller_does_later_changes_nothing() -> None:
    x, y = images()
    data = data_in_memory((x, y))
    before = batch(data, 0, 1)[0]
    x.zero_()
    assert torch.equal(batch(data, 0, 1)[0], before)
    net = network().train()
    model = network_in_memory(net)
    assert (net.training, model.module.training) == (True, False)
    assert model.spec == "memory:Sequential"


class _Flat(Dataset):
    def __init__(self, image: torch.Tensor) -> None:
        self.image = image

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.image, index


def test_rows_of_features_are_images_of_one_axis() -> None:
    data = data_in_memory(_Flat(torch.ones(5)))
    assert (data.name, data.input_shape) == ("memory:_Flat", (5,))
    assert read((torch.ones(3, 5), [0, 1, 2]))[0].shape == (3, 5)


def test_what_cannot_be_read_is_refused() -> None:
    x, y = images()
    picked = DataLoader(TensorDataset(x, y), sampler=SubsetRandomSampler([1, 2]))
    own = DataLoader(TensorDataset(x, y), collate_fn=lambda items: items)
    for given, said in (
        ((x, y[:-1]), r"labels must be .*\(40,\).* got \(39,\)"),
        ((x.long(), y), r"must be floating point \(n, ...\) or bytes, got torch.int64"),
        (("images", y), "images must be an array or a tensor, got str"),
        (picked, "plain one, got SubsetRandomSampler"),
        (own, "got a collate_fn of its own"),
        (7, r"must be \(images, labels\), a torch Dataset with a length .* got int"),
    ):
        with pytest.raises(InputError, match=said):
            data_in_memory(given)


def test_code_and_structure_have_fingerprints() -> None:
    class Own(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    found = structure_fingerprints(Own())
    assert list(found) == [
        "structure of the network",
        "code of test_code_and_structure_have_fingerprints.<locals>.Own",
    ]
    one, other = (structure_fingerprints(network(activation=a)) for a in (nn.ReLU, nn.Tanh))
    assert list(one) == ["structure of the network"]
    assert one != other
