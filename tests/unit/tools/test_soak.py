"""What the soak reads in Snakemake's words, and how it counts what was lost."""

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


def test_epochs_belong_to_the_training_that_was_started_last():
    assert trained_epochs(SAID) == {"classifier": (1, 2), "segmenter": (4, 5)}
    assert lost_epochs({"segmenter": (1, 5)}, {"segmenter": (5, 9)}) == {}  # told before its state was kept
    assert lost_epochs({"segmenter": (1, 5)}, {"segmenter": (4, 9)}) == {"segmenter": 1}
