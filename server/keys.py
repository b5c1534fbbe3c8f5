"""The keys under which the application keeps what its handlers share."""

from aiohttp import web

from .auth import Guesses, Passwords, Tokens, TryLimit
from .auth.outside import OutsideAccounts
from .auth.refresh import RefreshTokens
from .auth.sign_ins import SignIns
from .background.jobs import Jobs
from .background.webhooks import Webhooks
from .compute.workers import Workers
from .config import ServerConfig
from .documents.openapi import DocumentOnce
from .library.exercises import Exercises
from .live.sessions import Sessions
from .metrics import Metrics
from .one_at_a_time import OneAtATime
from .privacy.consents import Consents
from .privacy.deletion import Deletion
from .store import Store

CONFIG = web.AppKey("config", ServerConfig)
TOKENS = web.AppKey("tokens", Tokens)
REFRESH_TOKENS = web.AppKey("refresh_tokens", RefreshTokens)
PASSWORDS = web.AppKey("passwords", Passwords)
GUESSES = web.AppKey("guesses", Guesses)
INVITATION_TRIES = web.AppKey("invitation_tries", TryLimit)
STORE = web.AppKey("store", Store)
METRICS = web.AppKey("metrics", Metrics)
DOCUMENT = web.AppKey("document", DocumentOnce)
WORKERS = web.AppKey("workers", Workers)
EXERCISES = web.AppKey("exercises", Exercises)
SESSIONS = web.AppKey("sessions", Sessions)
SIGN_INS = web.AppKey("sign_ins", SignIns)
OUTSIDE = web.AppKey("outside", OutsideAccounts)  # missing unless the operator names an issuer
CONSENTS = web.AppKey("consents", Consents)
DELETION = web.AppKey("deletion", Deletion)
JOBS = web.AppKey("jobs", Jobs)
WEBHOOKS = web.AppKey("webhooks", Webhooks)
IMPORTING = web.AppKey("importing", OneAtATime)
REPORTING = web.AppKey("reporting", OneAtATime)
