"""Slides 13 to 15: the plain RNN as a loop over column vectors, one sequence at a time, forward only.

The slide compares it with a second loop that writes into one array and calls that "batch"; both are this loop.
"""

import numpy as np
from jaxtyping import Float


def states(
    x: Float[np.ndarray, "steps inputs"],
    wxh: Float[np.ndarray, "hidden inputs"],
    whh: Float[np.ndarray, "hidden hidden"],
) -> Float[np.ndarray, "steps hidden"]:
    """h_t = tanh(Wxh x_t + Whh h_{t-1}) for each step; the state before the first is zero."""
    h = np.zeros((len(whh), 1))
    hidden_states = []
    for x_t in x:
        h = np.tanh(wxh @ x_t[:, None] + whh @ h)
        hidden_states.append(h)
    return np.hstack(hidden_states).T
