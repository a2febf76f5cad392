"""Two charts for bills, as SVG: they read in grey, on paper and without a network.

Amounts become floats here and only here, as positions in pixels; every figure that is
written on a chart is text made from the exact amount.
"""

from typing import TypeVar

import altair as alt
import polars as pl

from notebooks.telling import month_name, percent, status_name, usd

INK, QUIET, LINE = "#16181D", "#5C626D", "#E6E6E1"
ABOVE, BELOW = "#B3401F", "#2A6FBB"
# One hue from dark to light, so that the bands stay apart in grey.
BANDS = ["#16324F", "#2F5BD0", "#7C9DE6", "#B9CBF2", "#DDE6FA"]
OTHER = "#C5CCD5"
FONT = "Inter, Helvetica, Arial, sans-serif"
WIDTH = 520
DAYS_WIDTH = 760
LITTLE_SAID = {"unpriced calls": "unpriced_count", "cut short": "incomplete_count"}


def variance_chart(bills: pl.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """Draw each bill's variance as a share of the bill, its tolerance beside it."""
    billed = [row for row in bills.iter_rows(named=True) if row["payable_usd"]]
    furthest = 1.1 * max(
        [
            0.01,
            *(abs(float(row["variance_usd"] / row["payable_usd"])) for row in billed),
        ]
    )
    rows = [
        {
            "bill": f"{month_name(row['period_month'])}, {row['provider']}",
            "share": float(row["variance_usd"] / row["payable_usd"]),
            "low": float(-row["tolerance_usd"] / abs(row["payable_usd"])),
            "high": float(row["tolerance_usd"] / abs(row["payable_usd"])),
            "side": "above" if row["variance_usd"] > 0 else "below",
            "says": f"{usd(row['variance_usd'], signed=True)}"
            f" ({percent(row['variance_usd'], row['payable_usd'], signed=True)}),"
            f" {status_name(row['status'])}",
        }
        for row in billed
    ]
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("bill:N", sort=None, title=None)
    )
    x = alt.X(
        "share:Q",
        title="variance as a share of the bill; ticks mark the tolerance",
        axis=alt.Axis(format="+.1%", tickCount=6),
        scale=alt.Scale(domain=[-furthest, furthest]),
    )
    bars = base.mark_bar(height=11).encode(
        x=x,
        color=alt.Color(
            "side:N",
            legend=None,
            scale=alt.Scale(domain=["above", "below"], range=[ABOVE, BELOW]),
        ),
    )
    ticks = [
        base.mark_tick(color=INK, thickness=1, size=16).encode(
            x=alt.X(f"{end}:Q", scale=alt.Scale(domain=[-furthest, furthest]))
        )
        for end in ("low", "high")
    ]
    says = base.mark_text(align="left", color=INK).encode(
        x=alt.value(WIDTH + 12), text="says:N"
    )
    return _dressed(
        alt.layer(bars, *ticks, says).properties(
            width=WIDTH, height=alt.Step(22), title="How far each bill is from the logs"
        )
    )


def days_chart(days: pl.DataFrame, length: int, title: str) -> alt.VConcatChart:
    """Draw a month's spend by day and model; under it, calls that it says little of."""
    spend = [
        {
            "day": row["usage_date"].day,
            "model": row["model"],
            "usd": float(row["cost_usd"]),
        }
        for row in days.iter_rows(named=True)
        if row["cost_usd"] is not None
    ]
    calls = [
        {"day": day, "why": why, "calls": count}
        for why, column in LITTLE_SAID.items()
        for (day,), count in (
            (key, part[column].sum())
            for key, part in days.group_by(pl.col("usage_date").dt.day())
        )
        if count
    ]
    models = list(dict.fromkeys(row["model"] for row in spend))
    x = alt.X(
        "day:O",
        title=None,
        axis=alt.Axis(labelAngle=0),
        scale=alt.Scale(domain=list(range(1, length + 1)), paddingInner=0.15),
    )
    money = (
        alt.Chart(alt.Data(values=spend))
        .mark_bar(stroke="white", strokeWidth=0.6)
        .encode(
            x=x,
            y=alt.Y("sum(usd):Q", title="logged, USD", axis=alt.Axis(tickCount=5)),
            color=alt.Color(
                "model:N",
                sort=None,
                title=None,
                legend=alt.Legend(orient="top"),
                scale=alt.Scale(
                    domain=models,
                    range=[*BANDS, *[OTHER] * len(models)][: len(models)],
                ),
            ),
            order=alt.Order("model:N"),
        )
        .properties(width=DAYS_WIDTH, height=190, title=title)
    )
    counts = (
        alt.Chart(alt.Data(values=calls))
        .mark_text(color=INK)
        .encode(
            x=x.copy().axis(None),
            y=alt.Y(
                "why:N",
                title=None,
                axis=alt.Axis(domain=False, ticks=False),
                scale=alt.Scale(domain=list(LITTLE_SAID)),
            ),
            text="calls:Q",
        )
        .properties(width=DAYS_WIDTH, height=44)
    )
    return _dressed(alt.vconcat(money, counts, spacing=4))


Chart = TypeVar("Chart", bound=alt.LayerChart | alt.FacetChart | alt.VConcatChart)


def _dressed(chart: Chart) -> Chart:
    return (
        chart.configure(font=FONT, background="white")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=QUIET,
            titleColor=QUIET,
            titleFontWeight="normal",
            gridColor=LINE,
            domainColor=LINE,
            tickColor=LINE,
            labelLimit=260,
        )
        .configure_title(anchor="start", color=INK, fontSize=14, fontWeight=600)
        .configure_legend(labelColor=INK, symbolType="square")
    )
