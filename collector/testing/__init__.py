"""A collector for tests: started in the test's own process, asked for the spans it kept.

`RunningCollector` is the thing itself; the pytest plugin gives it as the fixture `collector`.
"""
