"""The map of results: every architecture on every task at a glance, and what it does not beat."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from pipeline.evaluation.records import Entry
from pipeline.reporting import words
from pipeline.reporting.markup import slug, table, tag
from pipeline.reporting.results import TaskResults


def table_of(tasks: Sequence[TaskResults], architectures: Iterable[str]) -> Markup:
    """The map of results: the main metric of every architecture on every task, and what it does not beat."""
    names = list(architectures)
    blended = any(results.ranked("blend") for results in tasks)
    head = ["task", "metric", *names, *(["blend"] if blended else []), "strongest baseline"]
    caption = "Mean over seeds on the test split. Bold: the best network, or several that are equal. " + "; ".join(
        f"{sign} not better than {role}" for role, sign in words.ROLES.values()
    )
    return table(head, [_map_row(results, names, blended) for results in tasks], f"{caption}.", class_="map")


def _map_row(results: TaskResults, names: Sequence[str], blended: bool) -> Markup:
    entries = {entry["name"]: entry for entry in results.metrics["results"]}
    best = results.best_networks()
    columns = [*names, "blend"] if blended else names
    cells = [_map_cell(entries.get(name), results.metrics["main_metric"], name in best) for name in columns]
    strongest = results.strongest_baseline()
    value = entries[strongest]["metrics"][results.metrics["main_metric"]]["mean"] if strongest else None
    arrow = "↑" if results.metrics["higher_is_better"] else "↓"
    direction = "higher is better" if arrow == "↑" else "lower is better"
    metric = words.measure(results.metrics["main_metric"], results.metrics["units"])
    link = tag("a", results.name, href=f"#{slug(results.name)}")
    return tag(
        "tr",
        tag("th", link, scope="row"),
        tag("td", metric, " ", tag("abbr", arrow, title=direction), class_="number"),
        *cells,
        tag("td", words.number(value, 3), " ", tag("small", strongest or ""), class_="number"),
    )


def _map_cell(entry: Entry | None, metric: str, best: bool) -> Markup:
    if entry is None:
        return tag("td", "–", class_="number")
    if not entry["metrics"]:
        return tag("td", "diverged", class_="number lost-control")
    comparison = words.not_beaten(entry)
    value = words.number(entry["metrics"][metric]["mean"], 3)
    title = "; ".join(f"{verdict} {names}" for verdict, names in words.compared(entry).items()) or None
    grade = next((f" lost-{role.split('_')[0]}" for role in words.ROLES if role in comparison), "")
    shown = tag("strong", value) if best else value
    signs = tag("sup", words.signs(entry)) if comparison else None
    return tag("td", shown, signs, class_=f"number{grade}", title=title)
