"""A SLURM of three nodes on this machine, for tests: n1 with two GPUs, n2 with one, n3 with none.

The daemons are the real ones, of Debian's packages `slurm-wlm` and `munge`, listening on 127.0.0.1 only. The GPUs are
character devices that SLURM counts and hands out like real ones; no CUDA is behind them.
"""

import os
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

# The job step strips SLURM_CONF from its environment, so the configuration must lie where SLURM looks for it.
SYSTEM_CONF = Path("/etc/slurm")
CONFS = ("slurm.conf", "gres.conf")
FOLDER, OWNER = "mdc-loopback-slurm", "owner.pid"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")
GPUS = {"n1": 2, "n2": 1, "n3": 0}
CPUS, MEMORY_MB = 8, 40_000  # claimed, whatever the machine has
SECONDS = 30


def why_not(system_conf: Path = SYSTEM_CONF) -> str:
    """Return why SLURM cannot be started here, as a sentence; empty where it can."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} not installed: apt-get install slurm-wlm munge"
    if os.geteuid() != 0:
        return "SLURM's daemons want to be started by root"
    for name in CONFS:
        if _in_use(system_conf / name):
            return f"{system_conf / name} belongs to a SLURM that is set up here"
    return ""


def _in_use(conf: Path) -> bool:
    """Return whether a file of SLURM's configuration is another's, or that of a test that still runs."""
    if not os.path.lexists(conf):
        return False
    folder = conf.resolve().parent
    ours = conf.is_symlink() and folder.name == FOLDER
    return not ours or ((folder / OWNER).exists() and psutil.pid_exists(_pid(folder / OWNER)))


def _pid(pid_file: Path) -> int:
    return int(pid_file.read_text())


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nothing listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def wait_until(condition: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    """Wait until `condition` holds; raises TimeoutError, naming `what`, where it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"after {seconds:.0f} s: {what}")
        time.sleep(0.2)


def run(*command: str) -> str:
    """Return what a command prints; raises CalledProcessError, TimeoutExpired."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=SECONDS).stdout


@dataclass(frozen=True)
class Cluster:
    """A running SLURM, whose files lie in `folder`."""

    folder: Path

    @property
    def conf(self) -> Path:
        return self.folder / "slurm.conf"

    def start_node(self, node: str) -> None:
        """Start the daemon of a node and wait until it takes jobs."""
        run("slurmd", "-N", node, "-f", str(self.conf))
        wait_until(lambda: self.state(node) in ("idle", "mixed", "allocated"), f"node {node} does not come up")

    def state(self, node: str) -> str:
        """Return the state of a node in one word, such as idle; a * at its end says that it does not answer."""
        return run("sinfo", "--noheader", "--nodes", node, "--format", "%T").split("\n")[0]

    def break_node(self, node: str) -> None:
        """Kill all that runs on a node at once, as a power failure does: its daemon, its jobs and their children.

        SLURM would miss the node by itself after some minutes; here it is told.
        """
        pid_file = self.folder / "run" / f"slurmd.{node}.pid"
        jobs = [job["JobId"] for job in self.jobs() if job["JobState"] == "RUNNING" and job["NodeList"] == node]
        titles = tuple(f"slurmstepd: [{job}." for job in jobs)
        steps = [process for process in psutil.process_iter() if _title(process).startswith(titles)]
        programs = [child for step in steps for child in step.children(recursive=True)]
        # the daemons first: none shall live to tell SLURM how the job ended
        for process in [psutil.Process(_pid(pid_file)), *steps, *programs]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        pid_file.unlink()
        run("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=broken")

    def tasks(self) -> list[dict[str, str]]:
        """Return the environment that SLURM gave to each task it started, in no order."""
        texts = [path.read_text() for path in (self.folder / "tasks").iterdir()]
        return [dict(line.split("=", 1) for line in text.splitlines() if "=" in line) for text in texts]

    def jobs(self) -> list[dict[str, str]]:
        """Return the jobs that SLURM knows, finished ones too, with the fields of `scontrol show job`."""
        records = run("scontrol", "show", "job", "--oneliner").splitlines()
        return [dict(field.split("=", 1) for field in record.split(" ") if "=" in field) for record in records]


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def configuration(folder: Path, ports: dict[str, int]) -> dict[str, str]:
    """Return the text of SLURM's configuration files by name; `ports` are those of the controller and of each node."""
    host = socket.gethostname().split(".")[0]
    slurm = f"""\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports["slurmctld"]}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
# a job is started again this many seconds after its node has failed, 120 if not said
AuthInfo=socket={folder}/munge/munge.sock,cred_expire=5
SlurmUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd.%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.%n.log
MinJobAge=3600
ProctrackType=proctrack/linuxproc
TaskProlog={folder}/prolog
MailProg=/bin/true
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,bf_interval=5
SelectType=select/cons_tres
# jobs go to the node with least to do
SelectTypeParameters=CR_Core_Memory,CR_LLN
EnforcePartLimits=ALL
GresTypes=gpu
# nodes may claim more than the machine has
SlurmdParameters=config_overrides
"""
    gres = ""
    first = 0
    for node, gpus in GPUS.items():
        slurm += f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[node]} CPUs={CPUS}"
        slurm += f" RealMemory={MEMORY_MB}" + (f" Gres=gpu:{gpus}\n" if gpus else "\n")
        if gpus:
            gres += f"NodeName={node} Name=gpu File={folder}/gpu[{first}-{first + gpus - 1}]\n"
            first += gpus
    slurm += "PartitionName=cpu Nodes=ALL Default=YES\n"
    slurm += f"PartitionName=gpu Nodes={','.join(node for node, gpus in GPUS.items() if gpus)}\n"
    return {"slurm.conf": slurm, "gres.conf": gres}


@contextmanager
def running(parent: Path, system_conf: Path = SYSTEM_CONF) -> Iterator[Cluster]:
    """Start SLURM with its files in a folder in `parent` and give it; stop it and unlink its configuration afterwards.

    What a killed test has left running is stopped before.
    """
    folder = parent / FOLDER
    with ExitStack() as stack:
        _stop((system_conf / CONFS[0]).resolve().parent)
        for name in ("munge", "state", "spool", "log", "run", "tasks"):
            (folder / name).mkdir(parents=True)
        (folder / OWNER).write_text(str(os.getpid()))
        (folder / "munge").chmod(0o711)
        (folder / "prolog").write_text(f'#!/bin/sh\nenv > "$(mktemp {folder}/tasks/XXXXXX)"\n')
        (folder / "prolog").chmod(0o755)
        # with ordinary files SLURM counts the GPUs and sets no CUDA_VISIBLE_DEVICES
        for number in range(sum(GPUS.values())):
            os.mknod(folder / f"gpu{number}", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        ports = dict(zip(["slurmctld", *GPUS], free_ports(1 + len(GPUS)), strict=True))
        system_conf.mkdir(exist_ok=True)
        for name, text in configuration(folder, ports).items():
            (folder / name).write_text(text)
            (system_conf / name).unlink(missing_ok=True)
            (system_conf / name).symlink_to(folder / name)
            stack.callback((system_conf / name).unlink, missing_ok=True)
        stack.callback(_stop, folder)  # before its configuration goes
        _start_munge(folder / "munge")
        cluster = Cluster(folder)
        run("slurmctld", "-f", str(cluster.conf))
        for node in GPUS:
            cluster.start_node(node)
        yield cluster


def _start_munge(folder: Path) -> None:
    key = folder / "key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    run(
        "munged", "--force", f"--key-file={key}", f"--socket={folder}/munge.sock", f"--pid-file={folder}/munged.pid",
        f"--log-file={folder}/munged.log", f"--seed-file={folder}/munged.seed",
    )  # fmt: skip


def _stop(folder: Path) -> None:
    """End the jobs of the SLURM in `folder`, then its daemons, by force if they do not go."""
    pid_files = [*(folder / "run").glob("slurm*.pid"), *(folder / "munge").glob("munged.pid")]
    if pid_files:
        with suppress(subprocess.SubprocessError):
            run("scancel", "--user=root", "--signal=KILL", "--full")
    pids = [_pid(pid_file) for pid_file in pid_files]
    daemons = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    for daemon in daemons:
        daemon.terminate()
    for daemon in psutil.wait_procs(daemons, SECONDS)[1]:
        daemon.kill()
