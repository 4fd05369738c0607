from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

import tinynet
from tinynet import nn

BOTH = pytest.mark.parametrize("library", [tinynet, torch], ids=["tinynet", "torch"])
LIBRARIES = (tinynet, torch)


def numbers(value):
    if isinstance(value, tinynet.Tensor | torch.Tensor):
        return value.detach().numpy().tolist()
    if isinstance(value, tuple | list):
        return [numbers(part) for part in value]
    return value


def layer(lib):
    """Return Linear(2, 2) with fixed float64 values."""
    made = lib.nn.Linear(2, 2).double()
    made.load_state_dict(
        {
            "weight": lib.tensor([[1.0, 2.0], [3.0, -4.0]], dtype=lib.float64),
            "bias": lib.tensor([0.5, -0.5], dtype=lib.float64),
        }
    )
    return made


def given(lib, requires_grad=True):
    return lib.tensor([[1.0, 2.0], [-3.0, 0.25]], dtype=lib.float64, requires_grad=requires_grad)


def upstream(lib):
    return lib.tensor([[1.0, -2.0], [0.5, 3.0]], dtype=lib.float64)


def same(compute):
    """Run in both libraries, compare what is returned, and return it."""
    ours, theirs = (numbers(compute(lib)) for lib in LIBRARIES)
    assert ours == theirs
    return ours


# Around forward


def test_forward_hooks_see_and_replace():
    def run(lib):
        module, seen = layer(lib), []
        module.register_forward_pre_hook(lambda m, args: seen.append(("pre", m is module, args)))
        module.register_forward_pre_hook(lambda m, args: args[0] * 2)
        module.register_forward_pre_hook(lambda m, args: (args[0] + 1,))
        module.register_forward_hook(lambda m, args, out: seen.append(("post", args, out)))
        module.register_forward_hook(lambda m, args, out: out * 10)
        y = module(given(lib))
        return [y, seen]

    same(run)


def test_prepended_hooks_come_first():
    def run(lib):
        module, order = layer(lib), []
        for name, prepend in (("a", False), ("b", True), ("c", False), ("d", True)):
            module.register_forward_hook(lambda m, i, o, n=name: order.append(n), prepend=prepend)
            module.register_forward_pre_hook(lambda m, i, n=name: order.append("pre " + n), prepend=prepend)
            module.register_full_backward_hook(
                lambda m, i, o, n=name: order.append("back " + n), prepend=prepend
            )
            module.register_full_backward_pre_hook(
                lambda m, o, n=name: order.append("back pre " + n), prepend=prepend
            )
        module(given(lib)).backward(upstream(lib))
        return order

    assert len(same(run)) == 16


def test_hooks_with_keyword_arguments():
    def run(lib):
        class Scale(lib.nn.Module):
            def forward(self, x, factor=1.0, shift=0.0):
                return x * factor + shift

        module, seen = Scale(), []
        module.register_forward_pre_hook(lambda m, a, k: seen.append(sorted(k.items())), with_kwargs=True)
        module.register_forward_pre_hook(lambda m, a, k: (a, {**k, "shift": 5.0}), with_kwargs=True)
        module.register_forward_hook(lambda m, a, k, out: seen.append(sorted(k.items())), with_kwargs=True)
        module.register_forward_hook(lambda m, a, k, out: out + k["factor"], with_kwargs=True)
        return [module(given(lib), factor=3.0), seen]

    same(run)


@pytest.mark.parametrize("result", [lambda a, k: a, lambda a, k: (a, k, 1), lambda a, k: 3])
def test_a_pre_hook_with_keyword_arguments_returns_both(result, same_error):
    def run(lib):
        module = layer(lib)
        module.register_forward_pre_hook(lambda m, a, k: result(a, k), with_kwargs=True)
        module(given(lib))

    same_error(run, match="must return None or a tuple")


@BOTH
def test_handles_remove_hooks(library):
    module, seen = layer(library), []
    handle = module.register_forward_hook(lambda m, i, o: seen.append(1))
    with module.register_forward_pre_hook(lambda m, i: seen.append(2)):
        module(given(library))
    module(given(library))
    handle.remove()
    handle.remove()
    module(given(library))
    assert seen == [2, 1, 1]
    assert not module._forward_hooks
    assert not module._forward_pre_hooks


@BOTH
def test_a_hook_may_remove_itself(library):
    module, seen = layer(library), []
    handle = module.register_forward_hook(lambda m, i, o: (seen.append(1), handle.remove())[1])
    module.register_forward_hook(lambda m, i, o: seen.append(2))
    if library is tinynet:
        module(given(library))
        module(given(library))
        assert seen == [1, 2, 2]


def test_always_call_is_refused():
    with pytest.raises(NotImplementedError, match="always_call"):
        layer(tinynet).register_forward_hook(lambda *a: None, always_call=True)


def test_removable_handle_is_where_torch_has_it():
    from tinynet.utils.hooks import RemovableHandle

    assert isinstance(layer(tinynet).register_forward_hook(lambda *a: None), RemovableHandle)


@BOTH
def test_copies_have_hooks_of_their_own(library):
    module, seen = layer(library), []
    handle = module.register_forward_hook(lambda m, i, o: seen.append(m))
    twin = copy.deepcopy(module)
    handle.remove()
    twin(given(library))
    assert seen == [twin]


# Around backward


@pytest.mark.parametrize("requires_grad", [True, False])
@pytest.mark.filterwarnings("ignore:Full backward hook is firing:UserWarning")
def test_full_backward_hooks_see_the_gradients(requires_grad):
    def run(lib):
        module, seen, x = layer(lib), [], given(lib, requires_grad)
        module.register_full_backward_hook(lambda m, gi, go: seen.append((m is module, gi, go)))
        module.register_full_backward_pre_hook(lambda m, go: seen.append(go))
        module(x).backward(upstream(lib))
        assert type(seen[-1][1]) is type(seen[-1][2]) is tuple
        return [seen, x.grad, module.weight.grad, module.bias.grad]

    assert len(same(run)[0]) == 2


def test_full_backward_hooks_replace_gradients():
    def run(lib):
        module, x = lib.nn.Sequential(layer(lib), layer(lib)), given(lib)
        module[1].register_full_backward_hook(lambda m, gi, go: (gi[0] * 2,))
        module[1].register_full_backward_hook(lambda m, gi, go: (gi[0] + 1,))
        module[0].register_full_backward_pre_hook(lambda m, go: (go[0] * go[0],))
        module(x).backward(upstream(lib))
        return [x.grad, *(p.grad for p in module.parameters())]

    same(run)


def test_full_backward_hooks_of_several_inputs_and_outputs():
    def run(lib):
        class Mix(lib.nn.Module):
            def forward(self, x, name, y, z):
                return x * y, x - z + y * 0, y.detach(), x * 1

        module, seen = Mix(), []
        x, y, z = given(lib), given(lib), given(lib, requires_grad=False)
        module.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
        a, _, c, d = module(x, "name", y, z)
        assert not c.requires_grad
        a.backward(upstream(lib), retain_graph=True)
        d.backward(upstream(lib))
        return [seen, x.grad, y.grad]

    ours = same(run)
    assert len(ours[0]) == 2


def test_backward_twice_calls_the_hooks_twice():
    def run(lib):
        module, seen, x = layer(lib), [], given(lib)
        module.register_full_backward_hook(lambda m, gi, go: seen.append(gi))
        y = module(x)
        y.backward(upstream(lib), retain_graph=True)
        y.backward(upstream(lib) * 2)
        return [seen, x.grad]

    assert len(same(run)[0]) == 2


def test_hooked_modules_can_be_differentiated_twice():
    def run(lib):
        module, seen, x = lib.nn.Sequential(layer(lib), lib.nn.Sigmoid()), [], given(lib)
        module[1].register_full_backward_hook(lambda m, gi, go: seen.append(go))
        (first,) = lib.autograd.grad(module(x), x, upstream(lib), create_graph=True)
        (second,) = lib.autograd.grad(first, x, upstream(lib))
        return [first, second, len(seen)]

    ours, theirs = run(tinynet), run(torch)
    for a, b in zip(ours[:2], theirs[:2], strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12)
    assert ours[2] >= 1


def test_hooks_do_not_fire_without_a_graph():
    def run(lib):
        module, seen = layer(lib), []
        module.register_full_backward_hook(lambda m, gi, go: seen.append(1))
        with lib.no_grad():
            y = module(given(lib))
        return [y.requires_grad, seen]

    assert same(run) == [False, []]


@pytest.mark.parametrize("hooks", ["register_full_backward_hook", "register_full_backward_pre_hook"])
def test_a_wrong_number_of_gradients_is_refused(hooks, same_error):
    def run(lib):
        module = layer(lib)
        getattr(module, hooks)(lambda m, *grads: (grads[0][0], grads[0][0]))
        module(given(lib)).backward(upstream(lib))

    same_error(run, match="invalid number of grad_.*put, got 2, but expected 1")


@pytest.mark.filterwarnings("ignore:Full backward hook is firing:UserWarning")
def test_gradients_of_inputs_that_need_none_are_refused(same_error):
    def run(lib):
        module = layer(lib)
        module.register_full_backward_hook(lambda m, gi, go: (go[0],))
        module(given(lib, requires_grad=False)).backward(upstream(lib))

    same_error(run, match="no input requires gradient")


def test_an_input_changed_in_place_is_refused(same_error):
    def run(lib):
        module = lib.nn.ReLU(inplace=True)
        module.register_full_backward_hook(lambda m, gi, go: None)
        module(given(lib) * 1).backward(upstream(lib))

    same_error(run, match="changes its input in place")


@BOTH
def test_outputs_other_than_tensors_warn(library):
    class Named(library.nn.Module):
        def forward(self, x):
            return {"y": x}

    module = Named()
    module.register_full_backward_hook(lambda m, gi, go: None)
    with pytest.warns(UserWarning, match="should be a Tensor or a tuple of Tensors"):
        module(given(library))


def test_the_older_backward_hook_is_the_full_one():
    module, seen, x = layer(tinynet), [], given(tinynet)
    module.register_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    module(x).backward(upstream(tinynet))
    assert numbers(seen[0]) == [[x.grad.tolist()], [upstream(tinynet).tolist()]]


def test_activation_maps_as_grad_cam_takes_them(draw):
    """The usual pattern: a forward hook keeps the activation, a tensor hook or a backward hook its gradient."""

    def run(lib, x):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.ReLU(), torch.nn.Flatten()).double()
        if lib is tinynet:
            twin = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten()).double()
            twin.load_state_dict({k: v.numpy() for k, v in model.state_dict().items()})
            model = twin
        kept = {}
        model[1].register_forward_hook(lambda m, i, out: kept.update(activation=out))
        model[1].register_full_backward_hook(lambda m, gi, go: kept.update(gradient=go[0]))
        model(lib.tensor(x))[0, 4].backward()
        return kept["activation"].detach().numpy(), kept["gradient"].numpy()

    ours, theirs = run(tinynet, draw((1, 2, 5, 4))), run(torch, draw((1, 2, 5, 4)))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
