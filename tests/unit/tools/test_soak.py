"""What the soak reads in Snakemake's words, and how it counts what was lost."""

import signal

from tests.soak.__main__ import Plan, Row, append_row, read_rows, summary
from tests.soak.said import finished_jobs, lost_epochs, trained_epochs

SAID = """\
[Thu Nov 26 14:05:07 2026]
localrule train_classifier:
    input: results/soak/data/train.csv
    output: results/soak/classifier/mdc/seed0/weights.pt, results/soak/classifier/mdc/seed0/metrics.csv
    log: results/soak/logs/train_classifier/mdc/seed0.log
    jobid: 8
    reason: Missing output files: results/soak/classifier/mdc/seed0/weights.pt
14:05:11 computing on the CPU
14:05:11 epoch 1: step 6, lr 0.0003854, loss 0.6908, mAP_d1 0.5792
14:05:11 epoch 2: step 12, lr 0.0007583, loss 0.6828, mAP_d1 0.5917
[Thu Nov 26 14:05:12 2026]
Finished jobid: 8 (Rule: train_classifier)
8 of 39 steps (21%) done
[Thu Nov 26 14:05:13 2026]
rule train_segmenter:
    input: results/soak/data/train.csv
    log: results/soak/logs/train_segmenter/mdc/seed0/weak-fusion.log
    jobid: 18
14:05:21 epoch 4: step 24, lr 0.001, loss 1.0
14:05:22 epoch 5: step 30, lr 0.001, loss 1.0
"""


def test_finished_jobs_are_named_by_their_logs_and_unfinished_ones_are_not():
    assert finished_jobs(SAID) == ["results/soak/logs/train_classifier/mdc/seed0.log"]


def test_targets_have_no_log_and_do_not_count():
    assert finished_jobs("rule scores:\n    input: a.csv\n    jobid: 0\nFinished jobid: 0 (Rule: scores)\n") == []


def test_epochs_belong_to_the_training_that_was_started_last():
    assert trained_epochs(SAID) == {"classifier": (1, 2), "segmenter": (4, 5)}


def test_the_epoch_that_was_told_last_may_be_trained_again_and_no_other():
    assert lost_epochs({"segmenter": (1, 5)}, {"segmenter": (6, 9)}) == {}
    assert lost_epochs({"segmenter": (1, 5)}, {"segmenter": (5, 9)}) == {}
    assert lost_epochs({"segmenter": (1, 5)}, {"segmenter": (4, 9)}) == {"segmenter": 1}
    assert lost_epochs({"segmenter": (1, 5)}, {"classifier": (1, 9)}) == {}


ROWS = [
    Row(0, "3.10", "train_classifier", "5; 33", "classifier 1-9; classifier 10-40, segmenter 1-40", 41.5, ""),
    Row(1, "0.20", "-", "0; 38", "-; classifier 1-40, segmenter 1-40", 40.0, "scores/a.csv: line 2 is 'a' and 'b'"),
]


def test_rows_come_back_from_the_table(tmp_path):
    for row in ROWS:
        append_row(tmp_path / "runs.csv", row)
    assert read_rows(tmp_path / "runs.csv") == ROWS
    assert read_rows(tmp_path / "none.csv") == []


def test_the_summary_counts_equal_runs_and_those_whose_training_went_on():
    plan = Plan(seed=0, kills=1, number=signal.SIGKILL, cores=2)
    headline, _, head, _, *lines = summary(ROWS, plan, longest=30.4).splitlines()
    assert headline == (
        "1 of 2 runs equal after 1 x SIGKILL each (seed 0, 2 cores; the run left alone took 30 s); "
        "1 went on with a training."
    )
    assert head == "| run | moments | running | finished | epochs | seconds | differences |"
    assert lines[0].endswith("| 41.5 | equal |") and lines[1].endswith("| scores/a.csv: line 2 is 'a' and 'b' |")
