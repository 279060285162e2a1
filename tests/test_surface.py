"""The error surface against a quadratic whose Hessian is known, and against torch's own Hessian of tiny networks."""

import math

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils import parameters_to_vector

from pipeline.architectures import Architecture, make_model
from pipeline.architectures.shared.settings import Model
from pipeline.challenges.convergence.surface import Surface, describe, largest_curvature, on_batch, valleys
from pipeline.common.registry import find, names
from pipeline.tasks import Batch, Task


class Bowl(nn.Module):
    """1/2 (w - 1)' H (w - 1), with H of the given eigenvalues in a turned frame."""

    def __init__(self, eigenvalues):
        super().__init__()
        size = len(eigenvalues)
        frame, _ = torch.linalg.qr(torch.randn(size, size, dtype=torch.float64, generator=given(0)))
        self.hessian = frame @ torch.diag(torch.tensor(eigenvalues, dtype=torch.float64)) @ frame.T
        self.frame, self.first = frame, nn.Parameter(torch.zeros(2, size // 2))
        self.rest = nn.Parameter(torch.zeros(size - 2 * (size // 2)))

    def forward(self):
        away = torch.cat([self.first.flatten(), self.rest]) - 1
        return away @ self.hessian @ away / 2


def bowl(*eigenvalues):
    return Surface(Bowl(eigenvalues), lambda model: model())


def given(seed):
    return torch.Generator().manual_seed(seed)


def tiny(name):
    task = find(Task, "sum_sign")(steps=4, parameters={"transformer": 450}.get(name, 60))
    torch.manual_seed(2)
    model = make_model(task, name, {}, Model(embedding=2))
    return task, model, task.gather(task.draw(5, given(1)), torch.arange(5))


@pytest.mark.parametrize("eigenvalues", [[5.0, 2.0, 1.0, 0.5, 0.1], [-7.0, 3.0, 1.0, 0.0, 0.2], [4.0, 4.0, 1.0, 1.0]])
def test_the_curvature_of_a_quadratic_is_its_largest_eigenvalue(eigenvalues):
    surface = bowl(*eigenvalues)
    found = largest_curvature(surface, 60, given(3))
    assert found.value == pytest.approx(max(eigenvalues, key=abs), rel=1e-3)
    assert found.converged
    assert found.residual < 0.04


def test_what_has_not_converged_says_so_and_a_plane_has_no_curvature():
    found = largest_curvature(bowl(1.0, 0.999, -0.999, 0.9), 2, given(0))
    assert (found.converged, found.iterations) == (False, 2)
    flat = largest_curvature(bowl(0.0, 0.0, 0.0), 5, given(0))
    assert flat.value == pytest.approx(0, abs=1e-12)


def test_a_bend_is_the_hessian_times_the_direction():
    surface, direction = bowl(5.0, 2.0, -1.0, 0.5, 0.1), torch.zeros(5, dtype=torch.float64)
    direction[1] = 1.0
    torch.testing.assert_close(surface.hessian_product(direction), surface.model.hessian[:, 1], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", [name for name in names(Architecture) if name != "min_gru"])  # no second backward pass
def test_products_and_curvature_are_those_of_torchs_hessian(name):
    task, model, batch = tiny(name)
    surface = Surface(model, on_batch(task, batch))
    shapes = {key: value.shape for key, value in surface.model.named_parameters()}

    def loss(weights):
        parts = weights.split([shape.numel() for shape in shapes.values()])
        own = {key: part.view(shape) for (key, shape), part in zip(shapes.items(), parts, strict=True)}
        for module in surface.model.modules():  # fused modules keep a list of their weights beside their names
            if isinstance(module, nn.RNNBase):
                prefix = next(key for key, other in surface.model.named_modules() if other is module)
                module._flat_weights = [own[f"{prefix}.{key}"] for key in module._flat_weights_names]
        doubled = Batch(batch.inputs.double(), batch.lengths, batch.targets)
        return task.loss(functional_call(surface.model, own, doubled[:2]), batch.targets)

    with sdpa_kernel(SDPBackend.MATH):  # the fast kernel has no second backward pass
        hessian = torch.autograd.functional.hessian(loss, surface.weights)
    untouched = Surface(model, on_batch(task, batch))
    direction = torch.randn(len(hessian), dtype=torch.float64, generator=given(0))
    direction /= direction.norm()
    torch.testing.assert_close(untouched.hessian_product(direction), hessian @ direction, rtol=1e-4, atol=1e-6)
    largest = max(torch.linalg.eigvalsh(hessian).tolist(), key=abs)
    assert largest_curvature(untouched, 2000, given(4)).value == pytest.approx(largest, rel=0.01)


def test_the_scan_is_bent_as_its_loss_is():
    """minGRU's second derivative along a line, from losses alone."""
    task, model, batch = tiny("min_gru")
    surface, step = Surface(model, on_batch(task, batch)), 1e-3
    direction = torch.randn(len(surface.weights), dtype=torch.float64, generator=given(0))
    direction /= direction.norm()
    before, here, after = (surface.loss(surface.weights + side * step * direction) for side in (-1, 0, 1))
    assert float(direction @ surface.hessian_product(direction)) == pytest.approx(
        (before - 2 * here + after) / step**2, rel=1e-3
    )


def test_the_network_stays_as_it_was():
    task, model, batch = tiny("gru")
    before = parameters_to_vector(model.parameters()).detach().clone()
    describe(Surface(model, on_batch(task, batch)), [-0.5, 0.0, 0.5], 1, 2, 0)
    after = parameters_to_vector(model.parameters())
    assert after.dtype == torch.float32
    assert torch.equal(before, after)


def test_random_directions_are_as_long_as_each_neurons_weights():
    task, model, batch = tiny("gru")
    surface = Surface(model, on_batch(task, batch))
    direction, place = surface.random(given(0)), 0
    for parameter in model.parameters():
        part = direction[place : place + parameter.numel()].view_as(parameter)
        place += parameter.numel()
        expected = parameter.double().norm(dim=1) if parameter.dim() > 1 else torch.zeros(1, dtype=torch.float64)
        found = part.norm(dim=1) if parameter.dim() > 1 else part.norm()[None]
        torch.testing.assert_close(found, expected)
    assert place == len(direction)


def test_lines_go_through_the_weights_and_downhill_is_down():
    task, model, batch = tiny("lstm")
    found = describe(Surface(model, on_batch(task, batch)), [-0.02, 0.0, 0.02], 2, 3, 0)
    assert len(found["random"]) == 2
    assert found["random"][0] != found["random"][1]
    for line in (*found["random"], found["gradient"]):
        assert line[1] == pytest.approx(found["loss"], rel=1e-12)
    up, here, down = found["gradient"]
    assert up > here > down
    with torch.no_grad():
        outputs = model.double()(batch.inputs.double(), batch.lengths)
    assert found["loss"] == pytest.approx(task.loss(outputs, batch.targets).item(), rel=1e-12)


@pytest.mark.parametrize(
    ("losses", "count"),
    [
        ([3.0, 1.0, 2.0], 1),
        ([1.0, 2.0, 1.5, 4.0], 2),
        ([1.0, 1.0, 1.0], 1),
        ([None, 5.0, None], 1),
        ([3.0, 2.0, 1.0], 1),
        ([1.0, 3.0, 2.0, 3.0, 0.5], 3),
    ],
)
def test_valleys_of_a_line(losses, count):
    assert valleys(losses) == count


def test_a_loss_that_is_no_number_is_none():
    class Hole(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1, 2))

        def forward(self):
            return self.weight.sum().log()

    surface = Surface(Hole(), lambda model: model())
    line = surface.along(torch.ones(2, dtype=torch.float64), [-2.0, 0.0])
    assert line[0] is None
    assert line[1] == pytest.approx(math.log(2))
