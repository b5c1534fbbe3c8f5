"""The keys under which the application keeps what its handlers share."""

from aiohttp import web

from .auth import Guesses, Passwords, Tokens
from .config import ServerConfig
from .exercises import Exercises
from .metrics import Metrics
from .sessions import Sessions
from .store import Store
from .workers import Workers

CONFIG = web.AppKey("config", ServerConfig)
TOKENS = web.AppKey("tokens", Tokens)
PASSWORDS = web.AppKey("passwords", Passwords)
GUESSES = web.AppKey("guesses", Guesses)
STORE = web.AppKey("store", Store)
METRICS = web.AppKey("metrics", Metrics)
WORKERS = web.AppKey("workers", Workers)
EXERCISES = web.AppKey("exercises", Exercises)
SESSIONS = web.AppKey("sessions", Sessions)
