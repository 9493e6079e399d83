"""Names of the study's tables; apart, because every start of the workflow needs them and what makes them is slow."""

# of the maps of one run
MEASURES = ("regions", "sizes", "seen", "response", "contrast", "logits")
# over several runs
STUDY_TABLES = (
    *("results", "seeds", "differences", "thresholds", "calibration"),
    *("regions", "sizes", "seen", "response", "contrast", "precision"),
)
# of the runs that ask what each step brings
STEP_TABLES = ("steps", "steps_classes", "steps_costs")
