"""Configurations from mappings: what is built, and what is refused, all the way down."""

from dataclasses import replace

import pytest

from trainables.core.config import as_mapping, from_mapping
from trainables.core.errors import UsageError
from trainables.models.images.logit_attention import LogitAttentionConfig
from trainables.models.images.unet import UNetConfig
from trainables.models.speech.whisper.config import RecogniserConfig
from trainables.strategies.nested import Parameters
from trainables.task.recipe import Recipe, Updates

RECIPE = Recipe(Updates(1, 2, 3, 4))


@pytest.mark.parametrize(
    "recipe", [RECIPE, replace(RECIPE, signal=UNetConfig(8, (1,)), logit=LogitAttentionConfig())]
)
def test_a_configuration_comes_back_from_its_mapping(recipe):
    assert from_mapping(Recipe, as_mapping(recipe)) == recipe


@pytest.mark.parametrize(
    ("cls", "values", "words"),
    [
        (
            UNetConfig,
            {"multipliers": [1, "2"]},
            r"multipliers\[1\] is '2', but must be of type int",
        ),
        (UNetConfig, {"multipliers": [1, 2.5]}, r"multipliers\[1\] is 2.5"),
        (UNetConfig, {"multipliers": "12"}, "must be a list"),
        (UNetConfig, {"base": True}, "base is True, but must be of type int"),
        (UNetConfig, {"bass": 8}, "did you mean 'base'"),
        (RecogniserConfig, {"checkpoint": 5}, "checkpoint is 5, but must be of type str"),
        (RecogniserConfig, {"context": "12"}, "context is '12', but must be of type float"),
        (RecogniserConfig, {"lead": None}, "lead is None"),
        (Recipe, {}, "needs a value for 'updates'"),
        (Recipe, {"updates": 5}, "updates is 5, but must be of type Updates"),
        (Recipe, as_mapping(RECIPE) | {"signal": {"network": "u-net"}}, "did you mean 'unet'"),
        (Recipe, as_mapping(RECIPE) | {"signal": None}, "signal is None, but must be of type"),
        (Recipe, as_mapping(RECIPE) | {"logit": {"network": "mlp", "base": "a"}}, "base is 'a'"),
    ],
)
def test_what_is_of_another_type_is_refused_by_name(cls, values, words):
    with pytest.raises(UsageError, match=words):
        from_mapping(cls, values)


def test_a_whole_number_does_for_a_fraction_and_none_for_what_may_be_missing():
    assert from_mapping(RecogniserConfig, {"context": 12, "checkpoint": None}).context == 12.0
    point = {"outer_steps": 2, "inner_steps": 2, "t_switch": 1, "refresh_interval": 1, "eta": 0}
    assert isinstance(from_mapping(Parameters, point).eta, float)
