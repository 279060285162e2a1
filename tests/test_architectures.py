"""Every architecture keeps the contract of `pipeline.architectures.Architecture`."""

import pytest
import torch
from torch import nn

from pipeline.architectures import Architecture, count, find_width, make_model
from pipeline.architectures.shared.scan import scan
from pipeline.architectures.shared.settings import Model
from pipeline.architectures.transformer import rotate
from pipeline.common import InputError
from pipeline.common.registry import find, names
from pipeline.tasks import DataSpec
from pipeline.tasks.adding import Adding
from pipeline.tasks.recall import Recall

every_architecture = pytest.mark.parametrize("name", names(Architecture))
streaming = pytest.mark.parametrize("name", [n for n in names(Architecture) if find(Architecture, n).streams])
with_parameters = pytest.mark.parametrize("name", [n for n in names(Architecture) if n != "identity"])


@every_architecture
def test_shape_is_kept(name):
    x = torch.randn(2, 5, 8)
    assert find(Architecture, name)(width=8)(x).shape == x.shape


@every_architecture
def test_the_future_does_not_change_the_past(name):
    core = find(Architecture, name)(width=8).eval()
    x = torch.randn(2, 6, 8)
    changed = x.clone()
    changed[:, 4:] = torch.randn(2, 2, 8)  # not + 1: layer norm would undo a constant
    torch.testing.assert_close(core(x)[:, :4], core(changed)[:, :4])
    assert not torch.allclose(core(x)[:, 4:], core(changed)[:, 4:])


@with_parameters
def test_the_past_changes_the_future(name):
    core = find(Architecture, name)(width=8).eval()
    x = torch.randn(2, 6, 8)
    changed = x.clone()
    changed[:, 0] = torch.randn(2, 8)
    assert not torch.allclose(core(x)[:, -1], core(changed)[:, -1])


def test_the_control_has_no_memory_and_no_parameters():
    core = find(Architecture, "identity")(width=8)
    x = torch.randn(2, 6, 8)
    assert count(core) == 0
    assert torch.equal(core(x), x)


@with_parameters
def test_every_parameter_gets_a_gradient(name):
    core = find(Architecture, name)(width=8)
    x = torch.randn(2, 5, 8, requires_grad=True)
    core(x).square().mean().backward()
    for gradient in (x.grad, *(parameter.grad for parameter in core.parameters())):
        assert gradient is not None
        assert gradient.isfinite().all()


@streaming
@pytest.mark.parametrize("steps", [1, 7, 4096])
def test_stepping_equals_the_whole_sequence(name, steps):
    core = find(Architecture, name)(width=4).eval()
    x = torch.randn(2, steps, 4)
    state, stepped = None, []
    with torch.no_grad():
        for number in range(steps):
            hidden, state = core.step(x[:, number], state)
            stepped.append(hidden)
        torch.testing.assert_close(core(x), torch.stack(stepped, dim=1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["transformer", "attention"])
def test_what_has_no_state_of_fixed_size_says_so(name):
    with pytest.raises(TypeError, match="needs the whole past"):
        find(Architecture, name)(width=8).step(torch.zeros(1, 8), None)


@pytest.mark.parametrize("name", ["transformer", "min_gru", "attention"])
def test_positions_work_beyond_the_trained_length(name):
    core = find(Architecture, name)(width=8).eval()
    x = torch.randn(1, 3000, 8)
    with torch.no_grad():
        assert core(x).isfinite().all()
        torch.testing.assert_close(core(x)[:, :50], core(x[:, :50]), atol=1e-5, rtol=1e-4)


@with_parameters
@pytest.mark.parametrize("budget", [32_000, 128_000])
def test_the_core_fills_the_budget(name, budget):
    kind = find(Architecture, name)
    width = find_width(kind, {}, budget)
    assert 0.93 * budget <= count(kind(width)) <= budget


def test_a_budget_too_small_is_told():
    with pytest.raises(InputError, match="parameters: 10 is too few for LSTM: it needs at least 16"):
        find_width(find(Architecture, "lstm"), {}, 10)


@every_architecture
def test_padding_does_not_change_the_output(name):
    model = make_model(Recall(parameters=2000, lag=9), name, {}, Model(embedding=4)).eval()
    tokens = torch.randint(1, 3, (2, 10))
    padded = torch.cat([tokens, torch.zeros(2, 6, dtype=torch.long)], dim=1)
    lengths = torch.tensor([10, 10])
    torch.testing.assert_close(model(tokens, lengths), model(padded, lengths))


def test_unknown_settings_and_readouts_are_refused():
    with pytest.raises(InputError, match="architectures.gru.hads: unknown setting; accepted: layers"):
        make_model(Recall(), "gru", {"hads": 2}, Model())
    with pytest.raises(InputError, match="architectures.gru.layers: .*valid integer.*got 'two'"):
        make_model(Recall(), "gru", {"layers": "two"}, Model())
    with pytest.raises(InputError, match="architectures.transformer.heads: .*greater than 0"):
        make_model(Recall(), "transformer", {"heads": 0}, Model())
    with pytest.raises(InputError, match="readout must be last"):
        make_model(Recall(readout="mean"), "gru", {}, Model())
    with pytest.raises(InputError, match="bidirectional false"):
        make_model(Adding(bidirectional=True), "gru", {}, Model())


@pytest.mark.parametrize("blocks", [None, 1, 3, 64])
@pytest.mark.parametrize("steps", [1, 10, 4096])
def test_the_scan_is_the_loop(blocks, steps):
    a = (0.9 + 0.1 * torch.rand(2, steps, 3)).requires_grad_()
    b = torch.randn(2, steps, 3, requires_grad=True)
    hidden, loop = torch.zeros(2, 3), []
    for step in range(steps):
        hidden = a[:, step] * hidden + b[:, step]
        loop.append(hidden)
    expected = torch.stack(loop, dim=1)
    actual = scan(a, b, blocks)
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=1e-5)
    weight = torch.randn_like(expected)
    for ours, theirs in zip(*(torch.autograd.grad(y, [a, b], weight) for y in (actual, expected)), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-4)


def test_the_scan_has_the_gradient_of_finite_differences():
    a = torch.rand(1, 6, 2, dtype=torch.float64, requires_grad=True)
    b = torch.randn(1, 6, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, b: scan(a, b, 3), (a, b))


class Reviews(Recall):
    """A stand-in for tasks whose whole sequence is known: patches, pooling, two directions."""

    readout: str = "mean_max"

    @property
    def spec(self) -> DataSpec:
        return DataSpec(inputs=9, outputs=2, steps=5, tokens=True, whole=True, patch=4)


@pytest.mark.parametrize("readout", ["last", "mean", "max", "mean_max", "attention"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_pooling_over_patches_ignores_padding(readout, bidirectional):
    task = Reviews(readout=readout, bidirectional=bidirectional, parameters=3000)
    model = make_model(task, "gru", {}, Model(embedding=4)).eval()
    tokens = torch.randint(1, 9, (2, 8))
    padded = torch.cat([tokens, torch.zeros(2, 12, dtype=torch.long)], dim=1)
    lengths = torch.tensor([8, 8])
    assert len(model.cores) == 1 + bidirectional
    torch.testing.assert_close(model(tokens, lengths), model(padded, lengths))


def test_two_directions_see_the_end_first():
    """The second core reads the reversed sequence: changing the last token changes every position's second half."""
    model = make_model(Reviews(bidirectional=True, parameters=3000), "rnn", {}, Model(embedding=4)).eval()
    x, steps = torch.randn(1, 5, model.embed.project.out_features), torch.tensor([5])
    changed = x.clone()
    changed[:, 4] += torch.randn_like(x[:, 4])
    width = x.shape[2]
    moved = (model.run_cores(x, steps) - model.run_cores(changed, steps)).abs().sum(dim=(0, 2))
    assert (moved > 0).all()
    assert torch.equal(model.run_cores(x, steps)[:, :4, :width], model.run_cores(changed, steps)[:, :4, :width])


def test_the_same_embedding_for_all():
    shapes = set()
    for name in names(Architecture):
        model = make_model(Recall(), name, {}, Model(embedding=12))
        assert isinstance(model.embed.first, nn.Embedding)
        shapes.add(tuple(model.embed.first.weight.shape))
    assert shapes == {(3, 12)}


def test_rotary_attention_sees_distances_alone():
    """The product of two rotated vectors depends on how far apart they stand, not on where (Su et al. 2021)."""
    query, key = torch.randn(2, 1, 1, 1, 8).expand(2, 1, 1, 40, 8)
    products = rotate(query)[0, 0] @ rotate(key)[0, 0].T
    for distance in (0, 1, 13):
        diagonal = products.diagonal(-distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(products.diagonal(0)[0], products.diagonal(-13)[0])
