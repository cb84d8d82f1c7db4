"""How tensors lie in memory: views, strides, formats, changes in place; shapes and padding."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.strangers.judge import faults
from tests.strangers.parts import one
from tests.strangers.situation import ENGINES, Situation, call, fresh, network, normal

X = normal(3, 2, 6, 6)

LAST = torch.channels_last


def conv(a, b, size=3, **more):
    return nn.Conv2d(a, b, size, **more)


def picture(forward, **parts):
    """A convolution `c` from 2 to 3 channels and a linear layer `fc` of 48 inputs.

    With images of 6 x 6 the convolution's outputs are 4 x 4.
    """
    return lambda: fresh(forward, **({"c": conv(2, 3), "fc": nn.Linear(48, 4)} | parts))


def view_of_output(self, x):
    h = self.c(x)
    return self.fc(h.view(h.size(0), -1))


def view_after_pool(self, x):
    h = F.max_pool2d(self.c(x).relu(), 2)
    return self.out(h.view(-1, 12))


def view_as_rows(self, x):
    return self.out(self.c(x).view(len(x), 3, -1).transpose(1, 2))


def channels_to_end(self, x):
    h = self.c(x).permute(0, 2, 3, 1)
    return self.norm(self.out(h)).permute(0, 3, 1, 2)


def view_after_linear(self, x):
    h = self.c(self.fc(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
    return h.view(len(x), -1)


def branch_on_layout(self, x):
    h = self.c(x)
    return h * 2 if h.is_contiguous() and self.c.weight.is_contiguous() else h - 1


def strides_read(self, x):
    h = self.c(x)
    return torch.as_strided(h, (len(x), 3, 2, 2), (h.stride(0), h.stride(1), 2 * h.stride(2), 2))


def fixed_strides(self, x):
    return torch.as_strided(self.c(x), (2, 3, 2, 2), (48, 16, 4, 1))


def flat_memory(self, x):
    h = self.c(x)
    return h.untyped_storage().nbytes() / 4 + h.view(-1)[:5]


def as_last(self, x):
    return self.fc(self.c(x.to(memory_format=LAST)).contiguous().flatten(1))


def flat_last(self, x):
    """The order of a flattening by hand follows the memory."""
    h = self.c(x).contiguous(memory_format=LAST)
    return self.fc(h.permute(0, 2, 3, 1).reshape(len(x), -1))


def written_to(self, x):
    h = self.c(x)
    h[:, 0] = 0
    h[:, 1:].mul_(3)
    h.relu_().add_(1)
    return self.fc(h.flatten(1))


def written_through_view(self, x):
    h = self.c(x)
    v = h.view(len(x), -1)
    v[:, ::2] = 1
    return h * 1


def output_used_after_write(self, x):
    a = self.fc(x)
    b = self.again(a)
    a.mul_(0.5)
    b += a
    return self.again(b).relu_()


def shared_memory(self, x):
    h = self.c(x)
    left, right = h.chunk(2, -1)
    left.add_(right)
    return h


def out_argument(self, x):
    into = torch.empty(len(x), 4)
    torch.add(self.fc(x), 1, out=into)
    return into


def written_into_buffer(self, x):
    into = x.new_zeros(len(x), 8)
    into[:, :4] = self.fc(x)
    into[:, 4:].copy_(self.fc(-x))
    return into


def rows_routed(self, x):
    into, chosen = torch.zeros(len(x), 4), x[:, 0] > 0
    for layer, rows in ((self.a, chosen), (self.b, ~chosen)):
        if rows.any():
            into[rows] = layer(x[rows])
    return into


def windows(self, x):
    patches = F.unfold(x, 3, padding=1).transpose(1, 2)
    return F.fold(self.out(patches).transpose(1, 2), x.shape[2:], 1)


def shuffled(self, x):
    return F.pixel_shuffle(self.c(x), 2)


def one_at_a_time(self, x):
    return torch.stack([self.fc(self.c(image).flatten()) for image in x])


def squeezed(self, x):
    return self.fc(self.c(x).flatten(1)).squeeze()


def one_row(self, x):
    return self.fc(x[0]) + self.fc(x).mean(0)


def nothing_first(self, x):
    return torch.cat([self.fc(x[:0]), self.fc(x)])


def to_channels_last(layer):
    return layer.to(memory_format=LAST)


def padded(**more):
    """A convolution on 5 x 7 pictures, its input 2 channels."""
    return Situation(
        lambda: nn.Sequential(nn.Conv2d(2, 4, **more), nn.ReLU(), nn.Conv2d(4, 2, 1)),
        normal(2, 2, 5, 7),
        (normal(1, 2, 8, 8), normal(2, 5, 7)),
    )


SITUATIONS = {
    "view right after a convolution": Situation(picture(view_of_output), X, (normal(1, 2, 6, 6),)),
    "view after pooling": Situation(
        picture(view_after_pool, out=nn.Linear(12, 2)), X, (normal(1, 2, 6, 6),)
    ),
    "view as rows, then transposed": Situation(
        picture(view_as_rows, out=nn.Linear(3, 2)), X, (normal(1, 2, 9, 6),)
    ),
    "channels to the end and back": Situation(
        picture(channels_to_end, out=nn.Linear(3, 5), norm=nn.LayerNorm(5)),
        X,
        (normal(1, 2, 9, 6),),
    ),
    "view after a convolution that pads circularly, channels at the end before": Situation(
        lambda: network(
            view_after_linear, fc=nn.Linear(2, 3), c=conv(3, 4, padding=1, padding_mode="circular")
        ),
        normal(3, 2, 6, 7),
        (normal(1, 2, 4, 5),),
    ),
    "a convolution that mirrors its borders, channels at the end before": Situation(
        lambda: network(
            lambda self, x: self.c(self.fc(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)),
            fc=nn.Linear(2, 3),
            c=conv(3, 4, padding=1, padding_mode="reflect"),
        ),
        normal(3, 2, 6, 7),
        (normal(1, 2, 4, 5),),
    ),
    "a branch on the layout": Situation(picture(branch_on_layout), X),
    "a branch on the layout, channels_last inputs": Situation(
        picture(branch_on_layout), X.to(memory_format=LAST), (X,)
    ),
    "strides read from the output": Situation(picture(strides_read), X),
    "strides assumed": Situation(picture(fixed_strides), normal(2, 2, 6, 6)),
    "memory read in its order": Situation(picture(flat_memory), normal(2, 2, 6, 6)),
    "made channels_last inside": Situation(picture(as_last), normal(2, 2, 6, 6)),
    "flattened in channels_last": Situation(picture(flat_last), normal(2, 2, 6, 6)),
    "channels_last inputs": Situation(
        picture(lambda self, x: self.fc(self.c(x).flatten(1))),
        X.to(memory_format=LAST),
        (normal(1, 2, 6, 6).to(memory_format=LAST), X),
    ),
    "a network in channels_last": Situation(
        lambda: to_channels_last(picture(lambda self, x: self.fc(self.c(x).flatten(1)))()),
        X.to(memory_format=LAST),
        (X,),
    ),
    "a network in channels_last, view": Situation(
        lambda: to_channels_last(
            picture(lambda self, x: self.c(x).permute(0, 2, 3, 1).view(len(x), -1))()
        ),
        X.to(memory_format=LAST),
        silent=("fc",),
    ),
    "inputs that are a slice": Situation(
        picture(view_of_output), normal(3, 4, 12, 12)[:, ::2, ::2, ::2]
    ),
    "inputs that are transposed": Situation(
        picture(view_of_output), normal(6, 2, 6, 3).transpose(0, 3)
    ),
    "inputs expanded from one": Situation(
        picture(view_of_output), normal(1, 2, 6, 6).expand(3, 2, 6, 6)
    ),
    "inputs that want gradients": Situation(picture(view_of_output), X.requires_grad_()),
    "the output written to": Situation(
        picture(written_to), X, (normal(1, 2, 6, 6),), may_refuse=False
    ),
    "the output written to through a view": Situation(picture(written_through_view), X),
    "an output used again after it was written to": Situation(
        lambda: network(output_used_after_write, fc=nn.Linear(6, 6), again=nn.Linear(6, 6)),
        normal(3, 6),
    ),
    "halves of an output added to each other": Situation(picture(shared_memory), X),
    "out=": Situation(one(out_argument), normal(3, 6), may_refuse=True),
    "a buffer filled from layers": Situation(one(written_into_buffer), normal(3, 6)),
    "rows sent to one of two layers": Situation(
        lambda: network(rows_routed, a=nn.Linear(6, 4), b=nn.Linear(6, 4)),
        torch.cat([normal(3, 6).abs(), -normal(1, 6).abs()]),
        (normal(5, 6).abs(), -normal(2, 6).abs(), normal(5, 6)),
        analog=("a", "b"),
    ),
    "unfold, a linear layer, fold": Situation(
        lambda: network(windows, out=nn.Linear(18, 3)), normal(2, 2, 5, 5), (normal(1, 2, 4, 7),)
    ),
    "pixel shuffle": Situation(
        lambda: network(shuffled, c=conv(2, 8, padding=1)), normal(2, 2, 5, 5)
    ),
    "images without a batch": Situation(picture(one_at_a_time), X),
    "squeeze without a dimension": Situation(
        picture(squeezed), X, (normal(1, 2, 6, 6), normal(2, 2, 6, 6))
    ),
    "one row by itself": Situation(one(one_row), normal(3, 6), (normal(1, 6),)),
    "no rows for a layer": Situation(one(nothing_first), normal(3, 6)),
    "a batch without rows later": Situation(lambda: nn.Linear(6, 4), normal(3, 6), (normal(0, 6),)),
    "a batch of no images later": Situation(
        lambda: nn.Sequential(conv(2, 3), nn.ReLU(), conv(3, 2)), X, (normal(0, 2, 6, 6),)
    ),
    "an example without rows": Situation(lambda: nn.Linear(6, 4), normal(0, 6), may_refuse=True),
    "a linear layer on five axes": Situation(
        lambda: nn.Sequential(nn.Linear(6, 4), nn.GELU(), nn.Linear(4, 2)),
        normal(2, 1, 3, 2, 6),
        (normal(6), normal(3, 6)),
    ),
    "one convolution in one dimension": Situation(
        lambda: nn.Sequential(
            nn.Conv1d(2, 4, 3, stride=2, dilation=2, padding=1), nn.Conv1d(4, 2, 1)
        ),
        normal(3, 2, 11),
        (normal(2, 11), normal(1, 2, 30)),
    ),
    "convolutions in one and two dimensions": Situation(
        lambda: network(
            lambda self, x: self.d(self.c(x).mean(3)),
            c=conv(2, 3),
            d=nn.Conv1d(3, 2, 2, padding="same"),
        ),
        normal(2, 2, 6, 7),
    ),
    "padding 1": padded(kernel_size=3, padding=1),
    "padding same, even kernel": padded(kernel_size=4, padding="same"),
    "padding same, dilated": padded(kernel_size=3, padding="same", dilation=2),
    "padding valid": padded(kernel_size=2, padding="valid"),
    "padding circular": padded(kernel_size=3, padding=1, padding_mode="circular"),
    "padding reflect": padded(kernel_size=3, padding=(2, 1), padding_mode="reflect"),
    "padding replicate, same": padded(kernel_size=3, padding="same", padding_mode="replicate"),
    "padding larger than the kernel": padded(kernel_size=2, padding=3),
    "a kernel of 1 x 5": padded(kernel_size=(1, 5), padding=(0, 2)),
    "a stride larger than the kernel": padded(kernel_size=2, stride=3),
    "strides of two kinds": padded(kernel_size=3, stride=(1, 2), padding=(1, 0)),
    "two groups": Situation(
        lambda: nn.Sequential(conv(4, 6, groups=2), nn.ReLU(), conv(6, 4, groups=2)),
        normal(2, 4, 6, 7),
        (normal(4, 6, 7),),
    ),
    "two groups, circular": Situation(
        lambda: nn.Sequential(conv(4, 6, groups=2, padding=1, padding_mode="circular")),
        normal(2, 4, 6, 7),
    ),
    "patches": Situation(
        lambda: nn.Sequential(conv(2, 6, 4, stride=4), nn.Flatten(2), nn.Linear(4, 3)),
        normal(3, 2, 8, 8),
    ),
    "a layer of 600 inputs": Situation(lambda: nn.Linear(600, 3), normal(4, 600)),
    "a convolution of 600 rows": Situation(
        lambda: conv(24, 2, 5), normal(1, 24, 6, 6), (normal(2, 24, 6, 6),)
    ),
    "inputs of another size than the example's": Situation(
        lambda: nn.Sequential(
            conv(2, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(12, 2),
        ),
        X,
        (normal(3, 2, 5, 5), normal(1, 2, 9, 4)),
    ),
    "two pictures of different sizes": Situation(
        lambda: network(
            lambda self, a, b: (self.c(a).mean((2, 3)), self.c(b).mean((2, 3))), c=conv(2, 3)
        ),
        call(X, normal(2, 2, 4, 5)),
    ),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", SITUATIONS)
def test_how_tensors_lie_in_memory(name: str, engine: str) -> None:
    assert faults(SITUATIONS[name], engine) == []
