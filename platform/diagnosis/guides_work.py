"""The guides of the strategy `guided` on data: their parts are prepared, their cross-entropies measured at
each diffusion step, and the range of steps in which one can be trusted is proposed to the search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from platform.backend.session import TrackedSession
from platform.diagnosis.names import STEPS
from platform.pipeline.prepare import prepare, read
from platform.planning.proposals import withdraw_proposal, write_proposal
from platform.planning.setup import Setup, kinds_of
from typing import Any

from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.guide_cross_entropy import (
    FROZEN,
    NOISY,
    GuideCrossEntropies,
    guide_cross_entropies,
)
from trainables.scoring.guide_trust import StepTrust, trust_of, trusted_range

SPLIT = "validation"
_QUARTERS = 4  # the ends of the active range are searched in quarters


@dataclass(frozen=True)
class Proposal:
    """The active range that is proposed to the search.

    Args:
        guide: which classifier guides.
        trusted: the fractions of the steps from which and up to which it can be trusted.
        searched: the same, moved to the nearest points that the search can ask for.
    """

    guide: str
    trusted: tuple[float, float]
    searched: tuple[float, float]

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the strategy `guided`."""
        first, end = self.searched
        return {"guide": self.guide, "guide_from": first, "guide_to": end}


@dataclass(frozen=True)
class Diagnosis:
    """What was found of the guides on a setup's data.

    Args:
        measured: the cross-entropies.
        trust: of each guide, whether it can be trusted at each step.
        proposal: what is proposed to the search; None where no step can be trusted.
        proposal_file: where it lies for the search.
    """

    measured: GuideCrossEntropies
    trust: Mapping[str, Sequence[StepTrust]]
    proposal: Proposal | None
    proposal_file: Path | None


def diagnosis_of(session: TrackedSession, steps: int | None) -> Diagnosis:
    """Train what is missing, measure, and leave the proposal for the search in the storage.

    Args:
        session: of a plan of the strategy `guided`.
        steps: how many selected steps are looked at; as usual if None.

    Raises:
        UsageError: the data are not there, or there are fewer noise levels than steps.
    """
    setup, console = session.setup, session.console
    with console.step("prepare", "prepare the parts"):
        prepare(session, kinds_of([setup.plan.strategy]))
    with console.step("measure", f"measure the guides on {SPLIT} {setup.metric.samples}"):
        measured = _measured(session, steps or min(STEPS, setup.task.recipe.T))
    trust = {
        name: trust_of(
            of_guide, measured.uninformed, measured.best,
            # What the frozen classifier is shown follows from x_cor too.
            measured.corrupted.value if name == FROZEN else measured.uninformed,
        )
        for name, of_guide in measured.steps.items()
    }  # fmt: skip
    proposal = proposal_of(trust)
    return Diagnosis(measured, trust, proposal, _handed_over(setup, proposal))


def _measured(session: TrackedSession, steps: int) -> GuideCrossEntropies:
    """The cross-entropies of the guides on validation samples."""
    setup, budget = session.setup, session.setup.budget
    dataset = read(setup, session.console)
    device = session.cluster.foreseen(setup).device_here
    sampling = replace(setup.job(SPLIT, 1).samplings()[0], limit=budget.confirm_limit)
    evaluator = Evaluator(
        setup.task, setup.plan.strategy, setup.storage, budget.batch, device, dataset=dataset
    )
    with session.console.bar("measuring") as bar:
        return guide_cross_entropies(evaluator, sampling, steps, budget.batch, bar.update)


def proposal_of(trust: Mapping[str, Sequence[StepTrust]]) -> Proposal | None:
    """The longest range in which a guide can be trusted; of two that are equally long, that of the guide
    which knows more of the class over all steps. None where no guide can be trusted at any step.
    """
    ranges = {name: trusted_range(steps) for name, steps in trust.items()}
    trusted = {name: ends for name, ends in ranges.items() if ends is not None}
    if not trusted:
        return None
    information = {name: sum(s.information for s in trust[name]) for name in trusted}
    guide = max(trusted, key=lambda n: (round(trusted[n][1] - trusted[n][0], 9), information[n]))
    return Proposal(guide, trusted[guide], in_quarters(trusted[guide]))


def in_quarters(ends: tuple[float, float]) -> tuple[float, float]:
    """A range moved to the nearest quarters, and at least one quarter long."""
    first, end = (round(_QUARTERS * fraction) for fraction in ends)
    if first == end:  # a short range: the quarter that it lies in
        first = min(int(_QUARTERS * (ends[0] + ends[1]) / 2), _QUARTERS - 1)
        end = first + 1
    return first / _QUARTERS, end / _QUARTERS


def _handed_over(setup: Setup, proposal: Proposal | None) -> Path | None:
    """Write the proposal for the search; where there is none, an earlier one is removed."""
    if proposal is None:
        withdraw_proposal(setup)
        return None
    first, end = proposal.trusted
    reason = f"the {proposal.guide} guide can be trusted from {first:.2f} to {end:.2f} of the steps"
    return write_proposal(setup, proposal.parameters, reason)


GUIDE_NAMES = {
    FROZEN: "frozen classifier at x0_hat",
    NOISY: "noise-conditional classifier at x_t",
}
"""What the guides are called in tables and figures."""
