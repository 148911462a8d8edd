"""`platform.submit`: what is refused before anything is uploaded, what is uploaded, what the job is given,
what is printed.
"""

import http.server
import shlex
import socket
import threading
import zipfile
from platform import submit
from platform.backend import jobs
from platform.cli import submission
from platform.cli.flags import submit_parser, sweep_parser

import pytest
from conftest import ROOT

from trainables.core.errors import UsageError
from trainables.data import datasets


def _given(*words):
    return submit_parser().parse_args(["nested", "digits", *words])


def _closed_port():
    """A port of this machine where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def other_server():
    """The address of a server that is no dashboard of Ray."""
    quiet = type("Quiet", (http.server.BaseHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = http.server.HTTPServer(("127.0.0.1", 0), quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_job_is_given_the_words_of_its_sweep_and_absolute_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = [
        *(
            "--preset",
            "smoke",
            "--trials",
            "3",
            "--max-cost",
            "1e1",
            "--min-accuracy",
            "0.25",
            "--fresh",
        ),
        *("--seed", "2", "--data-dir", "there", "--json", "out.json", "--gpus-per-trial", "0"),
        *("--tracking-uri", "sqlite:///db/mlflow.db", "--no-wait", "--address", "http://h:1"),
    ]
    words = submission.sweep_words(_given(*flags))
    again = sweep_parser().parse_args(words)
    assert (
        words[:2] == ["nested", "digits"] and "--no-wait" not in words and "http://h:1" not in words
    )
    assert (again.trials, again.max_cost, again.min_accuracy, again.fresh) == (3, 10, 0.25, True)
    assert (again.preset, again.seed, again.gpus_per_trial) == ("smoke", 2, 0.0)
    assert again.storage == str(tmp_path / "runs") and again.json == str(tmp_path / "out.json")
    assert again.data_dir == str(tmp_path / "there")
    assert again.tracking_uri == f"sqlite:///{tmp_path}/db/mlflow.db"
    assert submission.sweep_words(_given()) == ["nested", "digits", "--storage", f"{tmp_path}/runs"]


def test_every_flag_of_a_sweep_comes_through():
    """Each flag with a value of its own is the same after it was written down and read again."""
    values = {
        "--seed": "3",
        "--preset": "smoke",
        "--precision": "bf16",
        "--sampler": "gp",
        "--cost": "seconds",
    }
    for action in sweep_parser()._actions:
        if not action.option_strings or action.dest == "help":
            continue
        flag = action.option_strings[-1]
        words = ["nested", "digits", flag]
        if action.nargs != 0:
            words.append(values.get(flag, "0.5" if action.type is not int else "7"))
        namespace = sweep_parser().parse_args(words)
        assert sweep_parser().words_of(namespace) == words


def test_the_tracking_store_goes_by_the_environment_and_nothing_else_does():
    secret = "https://me:secret@store.example"
    variables = {
        "MLFLOW_TRACKING_URI": "http://other", "MLFLOW_TRACKING_TOKEN": "t", "MLFLOW_TRACKING_PASSWORD": "",
        "AWS_SECRET_ACCESS_KEY": "k", "HOME": "/root", "RAY_AUTH_TOKEN": "r",
    }  # fmt: skip
    given = _given("--tracking-uri", secret)
    assert "secret" not in shlex.join(submission.sweep_words(given))
    expected = {"MLFLOW_TRACKING_URI": secret, "MLFLOW_TRACKING_TOKEN": "t"}
    assert submission.sweep_environment(given, variables) == expected
    assert submission.sweep_environment(_given(), {"HOME": "/root"}) == {}
    database = {"MLFLOW_TRACKING_URI": "postgresql://h/d", "MLFLOW_TRACKING_TOKEN": "t"}
    assert submission.sweep_environment(_given(), database) == {
        "MLFLOW_TRACKING_URI": "postgresql://h/d"
    }
    named = _given("--tracking-uri", "sqlite:////s/mlflow.db")
    assert submission.sweep_environment(named, variables) == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("nestd digits", "did you mean 'nested'"),
        ("digits nested", "swap them"),
        ("nested digits --trials 0", "--trials is 0"),
        ("nested digits --whisper bse", "did you mean 'base'"),
        ("nested digits --tracking-uri ftp://x", "--tracking-uri is 'ftp://x'"),
        ("nested digits --adress http://x", "did you mean --address"),
        ("nested digits --no-wait=1", "no-wait"),
    ],
)
def test_what_no_sweep_can_be_is_refused_in_a_line(words, said, capsys):
    assert submit.main([*words.split(), "--storage", "/only/there"]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("nested digits --corruption gn35", "unknown corruption 'gn35'"),
        ("nested digits --workers 7", "must divide the batch"),
        ("nested digits --resolution 0.01", "resolution"),
        ("ensemble fsdd-babble --data-dir /only/there", "ensemble is not for spoken words"),
        ("guided ears-wham --data-dir /only/there", "guided is not for spoken sentences"),
        ("nested folder --data-dir /only/there --corruption gn35", "unknown corruption 'gn35'"),
    ],
)
def test_a_plan_that_is_not_possible_is_refused_wherever_its_paths_are(words, said, tmp_path):
    given = submit_parser().parse_args([*words.split(), "--storage", "/only/there"])
    submission.check_here(given)
    with pytest.raises(UsageError, match=said):
        submission.check_sweep(given, tmp_path)


def test_what_only_the_cluster_sees_is_left_to_it(tmp_path):
    there = (
        "--storage /only/there --data-dir /only/there --whisper /only/base.pt --sgmse /only/x.ckpt"
    )
    for data, is_whole in {
        "digits": True,
        "cifar100": True,
        "folder": False,
        "fsdd-reverb": False,
    }.items():
        given = submit_parser().parse_args(["nested", data, *there.split()])
        submission.check_here(given)
        assert submission.check_sweep(given, tmp_path) is is_whole, data
    assert not list(tmp_path.iterdir()) and len(datasets.names()) > 4


@pytest.mark.parametrize(
    "address",
    [
        "ftp://x",
        "ray://h:10001",
        "http://",
        "http://h:99999999",
        "http://h:1/?token=s3cret",
        "http://h\n",
    ],
)
def test_an_address_that_is_no_dashboards_is_refused(address):
    with pytest.raises(UsageError, match="--address http://HOST:8265") as refusal:
        jobs.address_of(address, {})
    assert "s3cret" not in str(refusal.value)


def test_an_address_is_the_flag_or_what_rays_variables_say():
    assert jobs.address_of(None, {}) == "http://127.0.0.1:8265"
    variables = {"RAY_ADDRESS": "http://a:1", "RAY_API_SERVER_ADDRESS": "https://b/"}
    assert jobs.address_of(None, variables) == "https://b"
    assert jobs.address_of("h:8265", variables) == "http://h:8265"
    with pytest.raises(UsageError, match=r"'10\.0\.0\.1:6379'"):
        jobs.address_of(
            None, {"RAY_ADDRESS": "10.0.0.1:6379"}
        )  # of the cluster, not of its dashboard


def test_nobody_or_somebody_else_at_an_address_is_told(other_server, capsys):
    address = f"http://me:s3cret@127.0.0.1:{_closed_port()}"
    assert submit.main(["nested", "digits", "--address", address]) == 2
    error = capsys.readouterr().err
    assert "nobody answers there at http://***@127.0.0.1:" in error and "s3cret" not in error
    assert error.count("\n") == 1
    assert submit.main(["nested", "digits", "--address", other_server]) == 2
    assert "is no dashboard of Ray" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://h:8265", "http://h:8265"),
        ("https://me:pw@h/ray", "https://***@h/ray"),
        ("https://token@h:1", "https://***@h:1"),
        ("https://h/?token=x", "https://h/?***"),
        ("me:pw@h", "***@h"),
    ],
)
def test_secrets_in_an_address_are_masked(address, shown):
    assert jobs.masked(address) == shown


def test_rays_commands_are_to_copy_and_name_no_secret(monkeypatch):
    monkeypatch.chdir("/")
    plain = jobs.ray_command("http://h:8265", {}, "job", "stop", "a")
    assert plain.endswith("/ray job stop a --address http://h:8265")
    others = {"RAY_ADDRESS": "10.0.0.1:6379"}
    assert jobs.ray_command("http://h:8265", others, "job").startswith("env -u RAY_ADDRESS ")
    secret = jobs.ray_command("https://me:pw@h", {}, "job", "stop", "a")
    assert (
        secret.endswith('ray job stop a --address "$RAY_API_SERVER_ADDRESS"') and "pw" not in secret
    )


def test_a_checkout_is_uploaded_without_what_a_sweep_does_not_need(tmp_path):
    """By Ray's own packing, of a checkout with all that may lie in one."""
    from ray._private.runtime_env.packaging import create_package

    files = {
        *("platform/sweep.py", "trainables/core/a.py", "search_spaces/b.py", "dashboards/page.css"),
        *("dashboards/comparison/c.js", "pyproject.toml"),
    }
    others = {
        *(
            ".venv/bin/python",
            ".git/config",
            ".env",
            "runs/mlflow.db",
            "data/train/x.png",
            "notes.txt",
        ),
        *(
            "tests/d.py",
            "platform/__pycache__/sweep.pyc",
            "dashboards/example-front.svg",
            "my runs/x",
        ),
        *("platforms/e.py", ".cluster/rayjob.yaml"),
    }
    for name in files | others:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / ".gitignore").write_text((ROOT / ".gitignore").read_text())
    package = tmp_path / "package.zip"
    create_package(str(tmp_path), package, include_gitignore=True, excludes=[*jobs.EXCLUDES])
    with zipfile.ZipFile(package) as packed:
        assert {name for name in packed.namelist() if not name.endswith("/")} == files
    assert all((ROOT / name).exists() for name in jobs.UPLOADED)
