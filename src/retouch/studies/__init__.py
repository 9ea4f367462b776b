"""The papers' tables and figures as data: a grid of jobs, each done once, and tables computed from their results.

    retouch study iwr --table 1

A table (`iwr`) names policies; what each needs (`jobs`) is a graph of collections, trainings and evaluations, whose
keys are hashes of all that they depend on (`store`). Executors (`local`, `on_ray`) do what is not there yet; `tables`
computes every figure from the results alone.
"""
