"""A study as one page of interactive figures: history, importances, slices, parallel coordinates, a heat map."""

import warnings

import plotly.graph_objects as go
from optuna import Study
from optuna.trial import TrialState
from optuna.visualization import (
    plot_intermediate_values,
    plot_optimization_history,
    plot_parallel_coordinate,
    plot_param_importances,
    plot_slice,
)


def page(study: Study) -> str:
    """A page that works offline: plotly's script is in it once."""
    drawn = figures(study)
    first, *others = (
        figure.to_html(full_html=False, include_plotlyjs=number == 0) for number, figure in enumerate(drawn.values())
    )
    return f'<!doctype html><meta charset="utf-8"><title>{study.study_name}</title>' + first + "".join(others)


def figures(study: Study) -> dict[str, go.Figure]:
    """The figures that the study's trials allow: importances need two complete trials that differ."""
    figures_by_name = {
        "history": plot_optimization_history(study),
        "curves": plot_intermediate_values(study),
        "slices": plot_slice(study),
        "parallel coordinates": plot_parallel_coordinate(study),
        "initializer by clipping": heat_map(study),
    }
    complete = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    if len({trial.value for trial in complete}) > 1:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about few trials, which the title states
            title = f"Importances, from {len(complete)} complete trials"
            figures_by_name["importances"] = plot_param_importances(study).update_layout(title=title)
    return figures_by_name


def heat_map(study: Study) -> go.Figure:
    """The lowest validation loss of each initializer with each clipping, and the number of trials."""
    best: dict[tuple[str, str], list[float]] = {}
    for trial in study.get_trials(deepcopy=False, states=[TrialState.COMPLETE]):
        if trial.value is not None and "diverged_at" not in trial.user_attrs:
            best.setdefault((trial.params["initializer"], trial.params["clipping"]), []).append(trial.value)
    rows, columns = (sorted({key[place] for key in best}) for place in (0, 1))
    cells = [[best.get((row, column), []) for column in columns] for row in rows]
    figure = go.Figure(
        go.Heatmap(
            z=[[min(cell) if cell else None for cell in line] for line in cells],
            text=[[f"{min(cell):.4g}<br>{len(cell)} trials" if cell else "" for cell in line] for line in cells],
            x=columns,
            y=rows,
            texttemplate="%{text}",
            colorscale="Viridis_r",
            colorbar={"title": "loss"},
        )
    )
    return figure.update_layout(title="Lowest validation loss, initializer by clipping", yaxis_title="initializer")
