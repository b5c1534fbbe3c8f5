"""The keys under which the application keeps what its handlers share."""

from aiohttp import web

from .auth import Guesses, Passwords, Tokens, TryLimit
from .auth.outside import OutsideAccounts
from .auth.refresh import RefreshTokens
from .auth.sign_ins import SignIns
from .background.jobs import Jobs
from .background.webhooks import Webhooks
from .calls.rooms import Rooms
from .calls.sessions import CallSessions
from .cluster.cluster import Cluster
from .compute.workers import Workers
from .config import ServerConfig
from .documents.openapi import DocumentOnce
from .library.exercises import Exercises
from .live.sessions import Sessions
from .metrics import Metrics
from .objects.base import Objects
from .one_at_a_time import OneAtATime
from .privacy.consents import Consents
from .privacy.deletion import Deletion
from .rate import Signalling
from .readiness import Readiness
from .reopening import Reopening
from .store import Store

CONFIG = web.AppKey("config", ServerConfig)
TOKENS = web.AppKey("tokens", Tokens)
REFRESH_TOKENS = web.AppKey("refresh_tokens", RefreshTokens)
PASSWORDS = web.AppKey("passwords", Passwords)
GUESSES = web.AppKey("guesses", Guesses)
SIGNALLING = web.AppKey("signalling", Signalling)
INVITATION_TRIES = web.AppKey("invitation_tries", TryLimit)
REOPENING = web.AppKey("reopening", Reopening)
STORE = web.AppKey("store", Store)
METRICS = web.AppKey("metrics", Metrics)
DOCUMENT = web.AppKey("document", DocumentOnce)
READINESS = web.AppKey("readiness", Readiness)
WORKERS = web.AppKey("workers", Workers)
OBJECTS = web.AppKey("objects", Objects)
EXERCISES = web.AppKey("exercises", Exercises)
SESSIONS = web.AppKey("sessions", Sessions)
CALL_SESSIONS = web.AppKey("call_sessions", CallSessions)
ROOMS = web.AppKey("rooms", Rooms)
SIGN_INS = web.AppKey("sign_ins", SignIns)
OUTSIDE = web.AppKey("outside", OutsideAccounts)  # missing unless the operator names an issuer
CLUSTER = web.AppKey("cluster", Cluster)  # missing unless the operator names a Redis
CONSENTS = web.AppKey("consents", Consents)
DELETION = web.AppKey("deletion", Deletion)
JOBS = web.AppKey("jobs", Jobs)
WEBHOOKS = web.AppKey("webhooks", Webhooks)
ARCHIVING = web.AppKey("archiving", OneAtATime)
IMPORTING = web.AppKey("importing", OneAtATime)
REPORTING = web.AppKey("reporting", OneAtATime)
