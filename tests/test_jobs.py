"""Jobs of a Ray cluster: submitted again while nobody takes them, followed past broken connections, ended
with their own status.
"""

import json
import types
from platform.backend import jobs

import pytest
from conftest import ROOT


class _Cluster:
    """What Ray's client does, with the answers of a cluster that a test writes down."""

    def __init__(self, answers=(), logs=(), statuses=()):
        self.answers, self.logs, self.statuses = [*answers], [*logs], [*statuses]
        self.submissions = []

    def submit_job(self, **options):
        self.submissions.append(options)
        if self.answers and (answer := self.answers.pop(0)):
            raise RuntimeError(answer)

    async def tail_job_logs(self, name):
        pieces = self.logs.pop(0)
        for piece in pieces:
            if piece is None:
                raise RuntimeError("WebSocket connection closed unexpectedly")
            yield piece

    def get_job_info(self, name):
        status = types.SimpleNamespace(is_terminal=lambda: False)
        return types.SimpleNamespace(status=self.statuses.pop(0) if self.statuses else status)


def _submitted(cluster, monkeypatch):
    told = []
    monkeypatch.setattr(jobs, "_PAUSE", 0)
    jobs.submitted(cluster, "a-1", ["python", "a b"], {"X": "1"}, told.append)
    return told


def test_a_job_is_submitted_again_while_the_cluster_has_no_agent(monkeypatch):
    none = "Request failed with status code 500: No available agent to submit job, please try again later.."
    cluster = _Cluster([none, none, "submission_id a-1 already exists"])
    assert len(_submitted(cluster, monkeypatch)) == 1 and len(cluster.submissions) == 3
    options = cluster.submissions[-1]
    assert options["entrypoint"] == "python 'a b'" and options["submission_id"] == "a-1"
    assert options["runtime_env"]["env_vars"] == {"X": "1"}
    assert options["runtime_env"]["working_dir"] == str(ROOT)
    json.dumps(options["runtime_env"])


def test_a_refusal_or_an_agent_that_never_comes_ends_in_a_line(monkeypatch):
    refused = "Request failed: Traceback (most recent call last):\n  x\nValueError: no room.\n."
    with pytest.raises(jobs.JobError, match=r"^the cluster refuses the job: ValueError: no room$"):
        _submitted(_Cluster([refused]), monkeypatch)
    monkeypatch.setattr(jobs, "_AGENT_SECONDS", -1)
    with pytest.raises(jobs.JobError, match="has no agent that starts jobs"):
        _submitted(_Cluster(["No available agent"]), monkeypatch)


def test_a_log_whose_connection_breaks_is_written_once(monkeypatch):
    from ray.job_submission import JobStatus

    monkeypatch.setattr(jobs, "_PAUSE", 0)
    logs = [["one\n", "tw", None], ["one\ntwo\n", "th"], ["one\n", "two\n", "three\n"]]
    cluster, written = _Cluster(logs=logs, statuses=[JobStatus.RUNNING, JobStatus.FAILED]), []
    details = jobs.followed(cluster, "a-1", written.append)
    assert "".join(written) == "one\ntwo\nthree\n" and details.status == JobStatus.FAILED
    monkeypatch.setattr(jobs, "_AWAY_SECONDS", -1)
    with pytest.raises(jobs.JobError, match="does not answer any more"):
        jobs.followed(_Cluster(logs=[[None]]), "a-1", written.append)


def test_a_cluster_may_be_away_for_a_while_after_hours(monkeypatch):
    """It is waited for from when it went away, not from when it last said how the job is."""
    from ray.job_submission import JobStatus

    now = [0.0]

    class Cluster(_Cluster):
        async def tail_job_logs(self, name):
            now[0] += 10_000  # the log ends, or the connection does, after hours
            async for piece in super().tail_job_logs(name):
                yield piece

    monkeypatch.setattr(
        jobs, "time", types.SimpleNamespace(monotonic=lambda: now[0], sleep=lambda _: None)
    )
    cluster, written = (
        Cluster(logs=[["one\n", None], ["one\n", "two\n"]], statuses=[JobStatus.SUCCEEDED]),
        [],
    )
    assert jobs.followed(cluster, "a-1", written.append).status == JobStatus.SUCCEEDED
    assert "".join(written) == "one\ntwo\n"
    with pytest.raises(jobs.JobError, match="does not answer any more"):
        jobs.followed(Cluster(logs=[["one\n", None], [None]]), "a-1", written.append)


@pytest.mark.parametrize(
    ("status", "driver", "expected", "said"),
    [
        ("SUCCEEDED", 0, 0, "has succeeded"),
        ("FAILED", 2, 2, "has failed"),
        ("FAILED", 127, 127, "has failed: the head has no `python`"),
        ("FAILED", None, 1, "has failed: no such image"),
        ("STOPPED", None, 130, "has stopped"),
    ],
)
def test_the_exit_status_is_the_jobs(status, driver, expected, said):
    details = types.SimpleNamespace(
        status=status, driver_exit_code=driver, message="no such image\nmore"
    )
    assert jobs.exit_status(details) == expected and jobs.ending(details).startswith(said)
