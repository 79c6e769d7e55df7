"""What the peer's Python is measured at: decoding alone, and forests alone. Prints a line of JSON.

peer_code.py decode FILE...       every event of the files of one subrun, to protobuf messages
peer_code.py forests DL1 MODELS CONFIG OUT  lstchain_dl1_to_dl2 with forests of one thread; tells the
                          seconds within scikit-learn's predictions and in opening the models
"""

import json
import sys
import time


def decode(files):
    from protozfits import File

    events = size = 0
    for file in files:
        with File(file, pure_protobuf=True) as opened:
            for event in opened.Events:
                events += 1
                size += len(event.waveform.data)
    return {"events": events, "waveform_bytes": size}


def forests(dl1, models, configuration, output):
    import joblib
    import sklearn.ensemble as ensemble

    told = {"predict_s": 0.0, "load_s": 0.0, "rows": 0}

    def timed(function, name):
        def call(*arguments, **options):
            begin = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                told[name] += time.perf_counter() - begin

        return call

    def one_thread(function):
        def call(self, rows):
            self.n_jobs = 1
            told["rows"] = max(told["rows"], len(rows))
            return function(self, rows)

        return call

    # The classifier's predict() calls predict_proba(), which must not be counted twice.
    ensemble.RandomForestRegressor.predict = one_thread(
        timed(ensemble.RandomForestRegressor.predict, "predict_s")
    )
    ensemble.RandomForestClassifier.predict_proba = one_thread(
        timed(ensemble.RandomForestClassifier.predict_proba, "predict_s")
    )
    joblib.load = timed(joblib.load, "load_s")
    from lstchain.tools import lstchain_dl1_to_dl2 as tool

    sys.argv = ["lstchain_dl1_to_dl2", "-f", dl1, "-p", models, "-c", configuration, "-o", output]
    try:
        tool.main()
    except SystemExit as end:
        if end.code:
            raise
    return told


if __name__ == "__main__":
    WHAT, *ARGUMENTS = sys.argv[1:]
    print(json.dumps(decode(ARGUMENTS) if WHAT == "decode" else forests(*ARGUMENTS)))
