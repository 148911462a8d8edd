"""Outputs of networks for signals that do not change: run once, counted as often as they are used."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from trainables.models.base import Encoding
from trainables.sampling.meter import Graph, Meter
from trainables.sampling.state import State
from trainables.sampling.system import CoupledSystem
from trainables.task.members import RETRAINED, member_kind


class Classified:
    """What the classifiers, and the encoders of x_cor, put out in a state.

    Args:
        system: the networks.
        meter: the meter that counts calls.
    """

    def __init__(self, system: CoupledSystem, meter: Meter) -> None:
        self.system, self.meter = system, meter

    def of_x_cor(
        self,
        state: State,
        network: str,
        function: Callable[..., Encoding],
        *inputs: Tensor,
        plain: Callable[..., Encoding] | None = None,
    ) -> Encoding:
        """`function(x_cor, *inputs)`, run once for a batch; its FLOPs count once in every run."""
        outputs = state.batch.outputs
        if network not in outputs:
            x_cor, before = state.batch.x_cor, self.meter.flops
            output = self.meter.call(
                network, function, x_cor, *inputs,
                batch=len(x_cor), is_network_call=False, plain=plain,
            )  # fmt: skip
            state.batch.add_output(network, output, self.meter.flops - before)
        elif network not in state.metered_networks:
            self.meter.flops += outputs[network][1]
        state.metered_networks |= {network}
        return outputs[network][0]

    def by_classifier(self, state: State, x: Tensor) -> Tensor:
        """The classifier's output for x, computed once for as long as x does not change.

        Every use counts as a call. Only where the logit process is about f(x_cor) is x_cor classified
        once a chain, for initialisation (paper, E.5).
        """
        if x is state.batch.x_cor:
            if not (state.has_classified_x_cor and self.system.logit_process.needs_origin):
                self.meter.count("classifier", len(x))
            state.has_classified_x_cor = True
            output: Tensor = self.of_x_cor(state, "classifier", self.system.classifier)
            return output
        if state.last_classification is not None and state.last_classification[0] is x:
            self.meter.count("classifier", len(x))
            return state.last_classification[1]
        classifier = as_run(self.system.classifier, state)
        y_of_x: Tensor = self.meter.call("classifier", classifier, x, batch=len(x))
        state.last_classification = x, y_of_x
        return y_of_x

    def by_retrained(self, state: State, member: int) -> Tensor:
        """The output of a retrained classifier for x_cor: one call, computed once for a batch."""
        self.meter.count(RETRAINED, len(state.batch.x_cor))
        network, classifier = member_kind(RETRAINED, member), self.system.retrained[member - 1]
        output: Tensor = self.of_x_cor(state, network, classifier)
        return output


def as_run(network: Callable[..., Encoding], state: State) -> Callable[..., Encoding]:
    """The network as it is run in a state: where samples are settled without a frozen graph, which would be
    made for every number of samples that are left, and takes longer to make than it saves.
    """
    is_whole = state.rows is None
    return network.plain if isinstance(network, Graph) and not is_whole else network
