"""Chains of layers that are fused, and what can be done around them: each gets a Net, returns where backward begins."""

from __future__ import annotations

from typing import Any

import tinynet as tn
from tests.autograd.chains import C, H, N, Net, W
from tinynet import memory, nn
from tinynet.autograd import delayed
from tinynet.nn import functional as F
from tinynet.ops import channel_affine


def conv_bn_relu(net: Net) -> Any:
    y = net.bn(net.image())
    assert net.is_delayed(y)
    return F.relu(y)


def conv_bn(net: Net) -> Any:
    return net.bn(net.image())


def bn_of_bn(net: Net) -> Any:
    return net.bn2(net.bn(net.image()))


def relu_module_in_place(net: Net) -> Any:
    return nn.ReLU(inplace=True)(net.bn(net.image()))


def relu_function_in_place(net: Net) -> Any:
    y = net.bn(net.image())
    assert F.relu(y, inplace=True) is y
    return y


def basic_block(net: Net) -> Any:
    x = net.image()
    y = net.bn2(net.conv2(F.relu(net.bn(x)))) + x
    assert net.is_delayed(y)
    return F.relu(y)


def basic_block_identity_first(net: Net) -> Any:
    x = net.image()
    return F.relu(x + net.bn2(net.conv2(F.relu(net.bn(x)))))


def basic_block_as_in_torchvision(net: Net) -> Any:
    relu = nn.ReLU(inplace=True)
    x = identity = net.image()
    out = net.conv(x)
    out = net.bn(out)
    out = relu(out)
    out = net.conv2(out)
    out = net.bn2(out)
    out += identity
    assert net.is_delayed(out)
    return relu(out)


def in_place_addition_of_another_affine(net: Net) -> Any:
    x = net.image()
    out, shortcut = net.bn(net.conv2(x)), net.bn2(x)
    out += shortcut
    assert out._version == 1
    return F.relu(out)


def in_place_addition_to_the_shortcut(net: Net) -> Any:
    x = net.image()
    shortcut = net.conv2(x)
    shortcut += net.bn(x)
    return F.relu(shortcut)


def two_affines(net: Net) -> Any:
    x = net.image()
    return F.relu(net.bn(x) + net.bn2(net.conv2(x)))


def two_affines_without_relu(net: Net) -> Any:
    x = net.image()
    return net.bn(x) + net.bn2(net.conv2(x))


def an_affine_twice(net: Net) -> Any:
    y = net.bn(net.image())
    return F.relu(y + y)


def a_sum_of_three(net: Net) -> Any:
    x = net.image()
    return F.relu(net.bn(x) + net.bn2(net.conv2(x)) + x)


def a_sum_of_four(net: Net) -> Any:
    x = net.image()
    return F.relu((net.bn(x) + x) + (net.bn2(net.conv2(x)) + x))


def relu_with_two_consumers(net: Net) -> Any:
    y = F.relu(net.bn(net.image()))
    return net.bn2(net.conv2(y)) + y


def relu_with_three_consumers(net: Net) -> Any:
    y = F.relu(net.bn(net.image()))
    return net.bn2(net.conv2(y)) + y + net.bn3(net.conv(y))


def sum_with_two_consumers(net: Net) -> Any:
    x = net.image()
    y = net.bn(x) + x
    return F.relu(y) + net.bn2(net.conv2(y))


def bn_used_by_relu_and_something_else(net: Net) -> Any:
    y = net.bn(net.image())
    return F.relu(y) + net.conv2(y)


def bn_used_by_relu_and_a_sum(net: Net) -> Any:
    y = net.bn(net.image())
    return F.relu(y) + y


def bn_used_by_two_relus(net: Net) -> Any:
    y = net.bn(net.image())
    return F.relu(y) * 2 + F.relu(y)


def pre_activation(net: Net) -> Any:
    x = net.image()
    y = net.conv2(F.relu(net.bn(x)))
    y = x + net.conv(F.relu(net.bn2(y)))
    return F.relu(net.bn3(y))


def eval_with_gradients(net: Net) -> Any:
    for bn in (net.bn, net.bn2):
        bn.eval()
    return basic_block(net)


def frozen(net: Net) -> Any:
    net.bn.eval().requires_grad_(False)
    y = net.bn(net.image())
    assert net.is_delayed(y)
    return F.relu(y)


def eval_without_gradients(net: Net) -> Any:
    for bn in (net.bn, net.bn2):
        bn.eval()
    with tn.no_grad():
        net.see(basic_block(net), basic_block_as_in_torchvision(net), conv_bn_relu(net), conv_bn(net))


def memory_that_is_not_private(net: Net) -> Any:
    y = net.bn(net.image()) + net.x
    return F.relu(net.upstream + net.bn2(net.conv2(y)))


def an_image_that_was_handed_out(net: Net) -> Any:
    x = net.image()
    values = x.detach().numpy()
    y = net.bn(x)
    assert delayed.expression_of(y) is None
    values[...] = 1
    return F.relu(y) + net.upstream


def channels_first(net: Net) -> Any:
    x = F.relu(net.image().contiguous() * 1)
    assert memory.is_private(x.array)
    assert x.array.flags.c_contiguous
    return F.relu(net.bn(x) + net.bn2(x))


def channels_first_used_twice(net: Net) -> Any:
    y = net.bn(F.relu(net.image().contiguous() * 1))
    return net.conv(y) + net.conv2(y)


def channels_first_eval(net: Net) -> Any:
    net.bn.eval(), net.bn2.eval()
    return channels_first(net)


def layouts_that_differ(net: Net) -> Any:
    x = net.image()
    return F.relu(net.bn(x) + x.contiguous() * 1)


def gradient_with_another_layout(net: Net) -> Any:
    return F.relu(net.bn(net.image())).contiguous() * 1


def shortcut_a(net: Net) -> Any:
    x = net.image()
    y = net.bn(F.conv2d(x, net.conv2.weight[:, :], stride=2, padding=1))
    short = F.pad(x[:, : C // 2, ::2, ::2], (0, 0, 0, 0, C // 4, C // 4))
    small = F.relu(y + short)
    return F.pad(small, (0, W - small.shape[3], 0, H - small.shape[2]))


def rows_of_numbers(net: Net) -> Any:
    rows = net.image().permute(0, 2, 3, 1).reshape(-1, C) * 1
    tall = tn.cat([rows, rows])
    bn = nn.BatchNorm1d(C)
    y = F.relu(bn(tall))[: N * H * W]
    return y.reshape(N, H, W, C).permute(0, 3, 1, 2)


def broadcast_addition(net: Net) -> Any:
    x = net.image()
    return F.relu(net.bn(x) + x[:, :, :1, :1] + 1)


def nan_and_infinities(net: Net) -> Any:
    with tn.no_grad():
        net.x[0, :3, 2, 3] = float("nan")
        net.bn2.weight[1] = float("inf")
        net.bn.bias[2] = float("nan")
    return basic_block(net)


def zeros_of_either_sign(net: Net) -> Any:
    with tn.no_grad():
        net.bn.weight[::2] = 0
        net.bn.bias[::2] = -0.0
        net.bn.weight[1::4] = -0.0
    return basic_block(net)


def gradients_pass_twice(net: Net) -> Any:
    y = basic_block(net)
    y.backward(net.upstream, retain_graph=True)
    return y


def gradients_of_intermediates(net: Net) -> Any:
    x = net.image()
    b = net.bn(x)
    s = b + x
    y = F.relu(s)
    net.see(*tn.autograd.grad(y, [s, b, x, net.bn.weight], net.upstream, retain_graph=True))
    net.see(*tn.autograd.grad(y, [b], net.upstream, retain_graph=True))
    return y


def retained_gradients(net: Net) -> Any:
    x = net.image()
    b = net.bn(x)
    s = b + net.conv2(x)
    r = F.relu(s)
    y = net.bn2(r)
    for z in (x, b, s, r, y):
        z.retain_grad()
    y.backward(net.upstream)
    net.see(*(z.grad for z in (x, b, s, r, y)))


def hooks_that_look(net: Net) -> Any:
    x = net.image()
    b = net.bn(x)
    s = b + net.conv2(x)
    r = F.relu(s)
    for z in (b, s, r, x):
        z.register_hook(lambda gradient: net.see(gradient))
    return net.bn2(net.conv2(r)) + r


def hooks_that_replace(net: Net) -> Any:
    x = net.image()
    b = net.bn(x)
    s = b + net.conv2(x)
    r = F.relu(s)
    b.register_hook(lambda gradient: gradient * 2)
    s.register_hook(lambda gradient: gradient + 1)
    r.register_hook(lambda gradient: gradient.clamp(-1, 1))
    return net.bn2(net.conv2(r)) + r


def hooks_that_change_in_place(net: Net) -> Any:
    x = net.image()
    b = net.bn(x)
    s = b + net.conv2(x)
    r = F.relu(s)
    kept = []
    for z in (r, s, b):
        z.register_hook(lambda gradient: kept.append(gradient.mul_(0.5)))
    y = net.bn2(net.conv2(r)) + r
    y.backward(net.upstream)
    net.see(*kept)


def hooks_that_keep(net: Net) -> Any:
    """What a hook has kept is right later too, whatever has changed in place by then."""
    x = net.image()
    r = F.relu(net.bn(x))
    kept: list[Any] = []
    r.register_hook(kept.append)
    x.register_hook(kept.append)
    y = net.bn2(net.conv2(r)) + r
    y.backward(net.upstream)
    with tn.no_grad():
        for z in (r, x, y):
            z.zero_()
    net.see(*kept)


def accumulation(net: Net) -> Any:
    conv_bn_relu(net).backward(net.upstream)
    return basic_block(net)


def the_gradient_is_normalised(net: Net) -> Any:
    conv_bn_relu(net).backward(net.upstream)
    gradient = net.bn(net.conv(net.x.grad).detach())
    conv_bn_relu(net).backward(net.upstream)
    net.see(gradient)


def one_tensor_for_all(net: Net) -> Any:
    """Every name is one that torch's users reuse."""
    x = net.image()
    for bn, conv in ((net.bn, net.conv), (net.bn2, net.conv2)):
        x = F.relu(bn(conv(x)), inplace=True)
    x = F.dropout(x, 0.3)
    return x


def one_scale_a_channel(net: Net) -> Any:
    return F.relu(channel_affine(net.image(), net.bn.weight * 2, net.bn.bias) + net.x)


PROGRAMS = [
    value
    for value in list(globals().values())
    if getattr(value, "__annotations__", {}).get("net") == "Net" and value.__module__ == __name__
]
