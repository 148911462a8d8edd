"""Help and refusals come at once: what takes seconds to import is not imported for them."""

import json
import subprocess
import sys

import pytest
from conftest import ROOT, clean_environment

HEAVY = ("torch", "ray", "mlflow", "optuna", "scipy", "matplotlib", "numpy", "sklearn", "rich")
VERBS = (
    "sweep",
    "submit",
    "train",
    "evaluate",
    "compare",
    "reproduce",
    "transfer",
    "diagnose",
    "ui",
)
REFUSED = {
    "sweep": [
        "nestd digits", "nested digitz", "nested digits --preset quik", "nested digits --gpus 1",
        "nested digits --trials 0", "nested digits --seed -1", "nested digits --seed 1 --seed 2",
        "nested digits --workers -1", "nested digits --precision fp16", "digits nested",
        "nested digits --whisper bse", "nested digits --json /no/such/place/x.json",
        "nested digits --tracking-uri ftp://x", "nested digits --resolution 0",
        "nested digits --train-fraction 1.5", "nested digits --data-dir /no/such/place", "nested",
    ],
    "submit": [
        "nestd digits", "nested digits --trials 0", "digits nested", "nested digits --adress x", "nested",
        "nested digits --address ftp://x", "nested digits --address http://127.0.0.1:1",
        "nested digits --whisper bse", "nested digits --tracking-uri ftp://x", "all digitz",
    ],
    "train": ["nestd digits", "all digitz", "digits all", "all digits --worker 2"],
    "evaluate": [
        "nestd digits", "nested digits --split train", "nested digits --seeds 0",
        'nested digits --point {"outer_step":3}', "nested digits --point {",
    ],
    "ui": ["digits", "--port 0", "--prot 5000"],
    "compare": ["digitz", "digits --preset quik", "digits --seed -1", "digits --sed 1",
                "digits --cost calls", "digits --max-cost nan", "", "--seed 0,0"],
    "reproduce": [
        "table9", "table1 --datasets digits mnits", "table1 --steps 0", "table1 --preset quik",
        "differences digitz", "differences digits --steps 5", "differences digits --resolution 0.5",
    ],
    "transfer": [
        "digitz", "digits --trained gn35", "digits --tested gn15,,blur", "digits --tested gn15@2",
        "digits --resolution 0.5", "digits --train-fraction 2", "digits --points some",
        "digits --strategies nestd", "digits --seed 0,1",
    ],
    "diagnose": [
        "digitz", "gausian-mixture", "digits --steps 0", "digits --preset quik",
        "gaussian-mixture --corruption gn15", "gaussian-mixture --workers 2", "digits --whisper tiny",
        "gaussian-mixture --seed -1",
    ],
}  # fmt: skip

_RUN = """
import contextlib, importlib, io, json, sys
heavy, calls = json.loads(sys.argv[1])
for verb, words in calls:
    main = importlib.import_module(f"platform.{verb}").main
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            status = main(words)
        except SystemExit as ended:
            status = ended.code
    loaded = [name for name in heavy if name in sys.modules]
    print(json.dumps([status, said.getvalue(), loaded]), file=sys.stderr)
"""


def _after(heavy, calls):
    """Of each call in a process of its own together: status, standard error, what has been imported."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, json.dumps([heavy, calls])],
        cwd=ROOT, capture_output=True, text=True, env=clean_environment(), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_help_imports_nothing_heavy():
    for verb, (status, _, loaded) in zip(
        VERBS, _after(HEAVY, [(verb, ["--help"]) for verb in VERBS]), strict=True
    ):
        assert (status, loaded) == (0, []), verb


@pytest.mark.parametrize("verb", VERBS)
def test_a_refusal_imports_no_torch_and_nothing_of_its_kind(verb, tmp_path):
    """Rich may be there: it is quick, and says that something is loaded."""
    heavy = [name for name in HEAVY if name != "rich"]
    where = ["--storage", str(tmp_path / "runs")]
    calls = [(verb, [*words.split(), *where]) for words in REFUSED[verb]]
    for call, (status, said, loaded) in zip(calls, _after(heavy, calls), strict=True):
        assert status == 2 and said.startswith("error: ") and said.count("\n") == 1, (call, said)
        assert loaded == [], call


def test_what_is_looked_for_would_be_found(tmp_path):
    """A plan is made with torch: otherwise the tests above would prove nothing."""
    words = ["nested", "digits", "--corruption", "gn35", "--storage", str(tmp_path)]
    ((status, said, loaded),) = _after(HEAVY, [("sweep", words)])
    assert status == 2 and "unknown corruption" in said and "torch" in loaded


def test_a_sweep_loads_ray_tune_only_to_search():
    code = (
        "import sys; from platform.pipeline import all_sweeps; sys.exit('ray.tune' in sys.modules)"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, cwd=ROOT, env=clean_environment(), check=False).returncode == 0
