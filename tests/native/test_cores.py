"""`available_cores`: the CPU affinity, and the quotas of control groups of both versions, whatever their files say."""

import os

import pytest

from puffer import checks

ROOT = "/sys/fs/cgroup"
V1 = f"{ROOT}/cpu"


@pytest.fixture
def cores(monkeypatch):
    """Counts the cores of a machine with 64 of them and these files."""

    def count(files):
        class Files:
            def __init__(self, path):
                self.path = path

            def read_text(self):
                if self.path not in files:
                    raise FileNotFoundError(self.path)
                return files[self.path]

        monkeypatch.setattr(checks, "Path", Files)
        return checks.available_cores()

    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)), raising=False)
    return count


def quota(group, microseconds):
    """The files of a group of version 1."""
    return {f"{group}/cpu.cfs_quota_us": f"{microseconds}\n", f"{group}/cpu.cfs_period_us": "100000\n"}


@pytest.mark.parametrize(
    ("expected", "files"),
    [
        pytest.param(64, {}, id="no groups"),
        pytest.param(2, {f"{ROOT}/cpu.max": "200000 100000\n"}, id="a container"),
        pytest.param(3, {f"{ROOT}/cpu.max": "250000 100000\n"}, id="rounded up"),
        pytest.param(1, {f"{ROOT}/cpu.max": "1000 100000\n"}, id="at least one"),
        pytest.param(64, {f"{ROOT}/cpu.max": "9900000 100000\n"}, id="more than the affinity"),
        pytest.param(64, {f"{ROOT}/cpu.max": "max 100000\n"}, id="unlimited"),
        pytest.param(
            2,
            {"/proc/self/cgroup": "0::/a.slice/b.scope\n", f"{ROOT}/a.slice/b.scope/cpu.max": "200000 100000"},
            id="own",
        ),
        pytest.param(
            4,
            {
                "/proc/self/cgroup": "0::/a/b/c\n",
                f"{ROOT}/a/b/c/cpu.max": "max 100000",
                f"{ROOT}/a/b/cpu.max": "800000 100000",
                f"{ROOT}/a/cpu.max": "400000 100000",
                f"{ROOT}/cpu.max": "max 100000",
            },
            id="the least of the parents",
        ),
        pytest.param(2, quota(V1, 200_000), id="version 1"),
        pytest.param(64, quota(V1, -1), id="version 1, unlimited"),
        pytest.param(
            5,
            {"/proc/self/cgroup": "12:memory:/m\n4:cpu,cpuacct:/a/b\n0::/\n", **quota(f"{V1}/a", 500_000)},
            id="version 1, a parent of its own group",
        ),
        pytest.param(
            6,
            {
                "/proc/self/cgroup": "1:cpu:/a\n0::/b\n",
                **quota(f"{V1}/a", 700_000),
                f"{ROOT}/b/cpu.max": "600000 100000",
            },
            id="both versions",
        ),
    ],
)
def test_the_smallest_quota_counts(cores, expected, files):
    assert cores(files) == expected


@pytest.mark.parametrize(
    "text", ["", "\n", "max", "200000", "two 100000", "200000 0", "-5 100000", "1 2 3", "200000 1e5"]
)
def test_a_malformed_file_is_no_limit(cores, text):
    assert cores({f"{ROOT}/cpu.max": text, "/proc/self/cgroup": text}) == 64


def test_an_unreadable_file_is_no_limit(monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checks.Path, "read_text", refuse)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {1, 5, 7}, raising=False)
    assert checks.available_cores() == 3


def test_a_system_without_affinities_has_all_its_cores(cores, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 12)
    assert cores({}) == 12
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores({}) == 1
