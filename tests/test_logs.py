import logging

import pytest
import structlog

from posesim_server.logs import configure_logging


@pytest.fixture(autouse=True)
def _logging_as_before():
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_an_error_is_logged_without_the_values_of_variables(capsys, log_format):
    configure_logging(log_format)
    password = "correct " + "horse"
    try:
        raise ZeroDivisionError(len(password))
    except ZeroDivisionError:
        structlog.get_logger("test").exception("failed")
    log = capsys.readouterr().err
    assert "ZeroDivisionError" in log
    assert "correct horse" not in log
