"""How a job of the workflow runs: its log, its exit status, its signals."""

import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from mdc.runtime.disk import disk_faults_named, disk_sentence, is_disk_fault
from mdc.runtime.errors import INTERNAL_ERROR, InputError, StoppedError
from mdc.runtime.locks import locked
from mdc.runtime.logs import _formatted, _LogFile, logger
from mdc.runtime.memory import memory_sentence, ran_out
from mdc.runtime.processes import end_with_parent, forget_foreign_ranks, rank_in_training

# Before numpy is imported: its matrices are small, and its threads, waiting for the next, keep the cores from PyTorch.
# Snakemake gives it as many as the job has.
os.environ["OPENBLAS_NUM_THREADS"] = "1"


def run_logged(log_path: str, function: Callable[[], None]) -> None:
    """Call `function` with messages going to `log_path` and the terminal; exit with status 1 if it raises.

    An `InputError` is shown as its sentence, and so are faults of the surroundings: a full disk, too little memory,
    being stopped (by Ctrl-C with status 130). Any other exception is a defect: its traceback goes to both places.
    Nothing is called while another process runs the same job. When Snakemake is killed, the job stops as by SIGTERM. Of
    the processes that share a training, only the first logs more than errors.
    """
    log = Path(log_path)
    forget_foreign_ranks()
    first = rank_in_training() == 0
    logging.basicConfig(
        level=logging.INFO if first else logging.WARNING, handlers=[_formatted(logging.StreamHandler(sys.stderr))]
    )
    for library in ("fontTools", "onnx_ir", "onnxscript", "torch.onnx"):
        logging.getLogger(library).setLevel(logging.WARNING)  # they tell every font in a PDF, every step of an export
    logging.captureWarnings(True)
    warnings.filterwarnings("ignore", module="lightning|torch")  # about their own internals
    try:
        signal.signal(signal.SIGTERM, _stop)
        # of a killed Snakemake: the next one makes again what this job would still make
        end_with_parent(signal.SIGTERM)
        with disk_faults_named(log):
            file = _LogFile(log)
        logging.getLogger().addHandler(_formatted(file))
        # Two Snakemakes, one of them killed or on another machine, must not write the same files.
        with locked(log, what="running this job") if first else nullcontext():
            if first:
                file.stream.truncate(0)
            function()
    except KeyboardInterrupt:
        logger.error("stopped: run the same command again to continue")
        sys.exit(130)
    except StoppedError:
        logger.error("stopped from outside: run the same command again to continue")
        sys.exit(1)
    except InputError as error:
        logger.error("%s", error)
        sys.exit(1)
    except Exception as error:
        if is_disk_fault(error):
            logger.error("%s", disk_sentence(error, Path(error.filename or log.parent)))
        elif ran_out(error):
            logger.error("%s", memory_sentence(error))
        else:
            logger.exception("%s:", INTERNAL_ERROR)
        sys.exit(1)


def _stop(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what is half done is being removed
    raise StoppedError
