"""What happened: the runs, what each made and why, and what the tables and figures were like.

Schema `meta` of the warehouse holds it all, so that a run can be looked at long after its log is
gone, by SQL, on the command line and by the monitors that compare a run with those before it.
"""
