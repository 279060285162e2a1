"""Ways to set a network's initial weights: each takes the model and overwrites parameters of its cores in place.

Torch stacks the gates' square blocks in one matrix: one for an RNN, three for a GRU (r, z, n), four for an LSTM
(i, f, g, o). Initializers act on each block separately. Recurrent blocks multiply the state, the others the input.

    initializer       recurrent blocks           other matrices              biases
    default           torch's own                torch's own                 torch's own (or the architecture's)
    deck           0.01 x normal              0.01 x normal               0
    xavier_uniform    Glorot uniform             Glorot uniform              0
    xavier_normal     Glorot normal              Glorot normal               0
    kaiming           He normal                  He normal                   0
    orthogonal        orthogonal                 torch's own                 torch's own
    identity          identity                   torch's own                 0 in the recurrent modules
    chrono            torch's own                torch's own                 gates keep the state for 1..T steps
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from pipeline.architectures import Architecture, SequenceModel

Initializer = Callable[[SequenceModel], None]


def default(model: SequenceModel) -> None:
    """Torch's own, by each layer's `reset_parameters`; or the architecture's."""
    for core in model.cores:
        assert isinstance(core, Architecture)
        core.initialise(model.spec.steps)


def note(architecture: type[Architecture], initializer: str) -> str:
    """What to print where an initializer replaces an architecture's own initial weights; otherwise empty."""
    if initializer == "default" or architecture.initialise is Architecture.initialise:
        return ""
    replaced = f"{architecture.__name__} has its own initial weights, which the initializer {initializer} replaces"
    return f"note: {replaced}; `initializer: default` keeps them"


def deck(model: SequenceModel) -> None:
    """The deck's: every weight 0.01 x normal, every bias 0."""
    _set_all(model, lambda block: nn.init.normal_(block, std=0.01))


def xavier_uniform(model: SequenceModel) -> None:
    """Variance 2 / (inputs + outputs), uniform (Glorot & Bengio 2010)."""
    _set_all(model, nn.init.xavier_uniform_)


def xavier_normal(model: SequenceModel) -> None:
    """Variance 2 / (inputs + outputs), normal (Glorot & Bengio 2010)."""
    _set_all(model, nn.init.xavier_normal_)


def kaiming(model: SequenceModel) -> None:
    """Variance 2 / inputs, normal (He et al. 2015)."""
    _set_all(model, nn.init.kaiming_normal_)


def orthogonal(model: SequenceModel) -> None:
    """Orthogonal recurrent blocks keep the norm of a gradient over time (Saxe et al. 2014)."""
    for block in recurrent_blocks(model):
        nn.init.orthogonal_(block)


def identity(model: SequenceModel) -> None:
    """Recurrent blocks start as the identity, biases as 0 (Le, Jaitly & Hinton, IRNN, 2015)."""
    for block in recurrent_blocks(model):
        nn.init.eye_(block)
    for name, parameter in model.cores.named_parameters():
        if "bias_ih" in name or "bias_hh" in name:
            nn.init.zeros_(parameter)


def chrono(model: SequenceModel) -> None:
    """Gates that keep the state for 1 to T - 1 steps: keep bias log U[1, T - 1] (Tallec & Ollivier 2018).

    An LSTM keeps by its forget gate, and writes by its input gate, whose bias is the negative. A GRU keeps by its
    update gate z in torch's form h = z h + (1 - z) n; minGRU writes by its gate. The others have no gates.
    """
    longest = max(model.spec.steps - 1, 2)
    for module in model.cores.modules():
        if isinstance(module, nn.LSTM | nn.GRU):
            _keep_by_second_gate(module, longest)
        elif isinstance(gate := getattr(module, "write_gate", None), nn.Linear):
            gate.bias.copy_(-torch.empty_like(gate.bias).uniform_(1, longest).log_())


def _keep_by_second_gate(module: nn.LSTM | nn.GRU, longest: int) -> None:
    size = module.hidden_size
    for layer in range(module.num_layers):
        ours, theirs = (getattr(module, f"bias_{kind}_l{layer}").data for kind in ("ih", "hh"))
        keep = torch.empty(size).uniform_(1, longest).log_()
        ours[size : 2 * size] = keep
        theirs[size : 2 * size] = 0
        if isinstance(module, nn.LSTM):
            ours[:size] = -keep
            theirs[:size] = 0


def stacked(name: str) -> bool:
    """Whether a matrix holds several square blocks: one per gate, or query, key and value."""
    return any(part in name for part in ("weight_ih", "weight_hh", "query_key_value"))


INITIALIZERS: dict[str, Initializer] = {
    function.__name__: function
    for function in (default, deck, xavier_uniform, xavier_normal, kaiming, orthogonal, identity, chrono)
}


def effective(names: Sequence[str], make: Callable[[], SequenceModel]) -> list[str]:
    """`default`, and the initializers that change a weight of the model that `make` gives."""

    @torch.no_grad()
    def weights(name: str) -> Tensor:
        torch.manual_seed(0)
        model = make()
        INITIALIZERS[name](model)
        return torch.cat([parameter.flatten() for parameter in model.parameters()])

    plain = weights("default")
    return [name for name in names if name == "default" or not torch.equal(weights(name), plain)]


def recurrent_blocks(model: nn.Module) -> Iterator[Tensor]:
    """The square block of each gate, as views: writing to one writes to the model."""
    for name, weight in model.named_parameters():
        if "weight_hh" in name:
            yield from weight.data.split(weight.shape[1])


def _set_all(model: SequenceModel, draw: Callable[[Tensor], object]) -> None:
    """Redraw every matrix of the cores, gate by gate, and set their biases to 0."""
    for core in model.cores:
        for name, parameter in core.named_parameters():
            if parameter.dim() > 1:
                for block in parameter.data.split(parameter.shape[1]) if stacked(name) else [parameter.data]:
                    draw(block)
            elif "bias" in name:
                nn.init.zeros_(parameter)
