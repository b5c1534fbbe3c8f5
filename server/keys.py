"""The keys under which the application keeps what its handlers share."""

from aiohttp import web

from posesim.network import Network

from .auth import Guesses, Passwords, Tokens
from .config import ServerConfig
from .exercises import Exercises
from .inference import Inference
from .session import Sessions
from .store import Store

CONFIG = web.AppKey("config", ServerConfig)
TOKENS = web.AppKey("tokens", Tokens)
PASSWORDS = web.AppKey("passwords", Passwords)
GUESSES = web.AppKey("guesses", Guesses)
STORE = web.AppKey("store", Store)
INFERENCE = web.AppKey("inference", Inference)
NETWORK = web.AppKey("network", Network)
EXERCISES = web.AppKey("exercises", Exercises)
SESSIONS = web.AppKey("sessions", Sessions)
