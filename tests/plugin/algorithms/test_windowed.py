import pytest,time
def test_sample(run, sample, feedback, tmp_path):
    for name in ("windowedsensitivity","windowedconnectivity"):
        t=time.time()
        r=run(name, INPUT=sample["permeability.tif"], QUALITY=sample["quality.tif"], OUTPUT=str(tmp_path/f"{name}.tif"))
        print(name, time.time()-t, r, feedback.infos, feedback.warnings, feedback.texts)
