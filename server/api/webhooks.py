"""Webhooks: addresses that are told what happens, and what came of telling them."""

from typing import Annotated, Self

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from ..background.outbound import LONGEST_URL, BadAddress, check_url
from ..background.standard_webhooks import new_secret
from ..keys import CONFIG, STORE, WEBHOOKS
from ..problems import Problem
from ..store.webhooks import EVENTS, Event, Scope, TestWaits, TooManyWebhooks, Webhook
from .guard import USER
from .ids import path_id
from .operation import Operations

operations = Operations("Webhooks")

MOST = 10  # of one user
NOT_FOUND = "There is no such webhook."
RETRY_S = 60
ADMINS_ONLY = (
    "Only an admin may be told of everybody's events. Leave out scope to be told of yours."
)


class NewWebhook(BaseModel):
    """The body of POST /v1/webhooks.

    Attributes:
        url: Where to send to, https.
        events: What it is told of.
        scope: "server" is told of everybody's events; for admins.
    """

    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(min_length=1, max_length=LONGEST_URL)]
    events: Annotated[
        list[Event],
        Field(min_length=1, max_length=len(EVENTS), json_schema_extra={"uniqueItems": True}),
    ]
    scope: Scope = "own"

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.events)) != len(self.events):
            raise ValueError("name each event once")
        return self


class WebhookOut(BaseModel):
    """A webhook as the API shows it.

    Attributes:
        failing_since: Of the first failure after the last success.
        disabled_at: When it was given up; a test that arrives lets it work again.
    """

    id: str
    url: str
    events: list[Event]
    scope: Scope
    created_at: AwareDatetime
    failing_since: AwareDatetime | None
    disabled_at: AwareDatetime | None


class WebhookWithSecret(WebhookOut):
    """A new webhook, with what its messages are signed with; shown this once."""

    secret: str


class WebhookList(BaseModel):
    """The answer to GET /v1/webhooks."""

    webhooks: list[WebhookOut]


class DeliveryOut(BaseModel):
    """A message to a webhook, and what came of it.

    Attributes:
        id: The header `webhook-id` of each try.
        next_at: When it is sent next; null if it was delivered or given up.
        outcome: Of the last try, as a sentence.
    """

    id: str
    event: str
    tries: int
    created_at: AwareDatetime
    next_at: AwareDatetime | None
    delivered_at: AwareDatetime | None
    outcome: str | None


class DeliveryList(BaseModel):
    """The answer to GET /v1/webhooks/ID/deliveries."""

    deliveries: list[DeliveryOut]


class DeliveryPage(BaseModel):
    """Which deliveries are asked for."""

    limit: int = Field(default=50, ge=1, le=200)


@operations.post(
    "/v1/webhooks",
    body=NewWebhook,
    answer=WebhookWithSecret,
    status=201,
    problems={403: ADMINS_ONLY, 409: "The user has as many as possible."},
)
async def add_webhook(request: web.Request, body: NewWebhook) -> WebhookWithSecret:
    """Have an address told what happens, in messages that are signed as Standard Webhooks says."""
    user = request[USER]
    if body.scope == "server" and user.role != "admin":
        raise Problem(403, ADMINS_ONLY)
    try:
        check_url(body.url, allow_private=request.app[CONFIG].allow_private_webhooks)
        webhook = await request.app[STORE].webhooks.add(
            user.id,
            url=body.url,
            secret=new_secret(),
            events=body.events,
            scope=body.scope,
            most=MOST,
        )
    except BadAddress as error:
        raise Problem(422, f"url: {error}") from error
    except TooManyWebhooks as error:
        raise Problem(409, str(error)) from error
    if webhook.scope == "server":
        await request.app[STORE].audit.note(user.id, "webhook.made", None, webhook.id)
    return WebhookWithSecret.model_validate(webhook, from_attributes=True)


@operations.get("/v1/webhooks", answer=WebhookList)
async def list_webhooks(request: web.Request) -> WebhookList:
    """List the user's webhooks, newest first."""
    found = await request.app[STORE].webhooks.of_user(request[USER].id)
    return WebhookList(webhooks=[_shown(webhook) for webhook in found])


@operations.get("/v1/webhooks/{id}", answer=WebhookOut, problems={404: NOT_FOUND})
async def get_webhook(request: web.Request) -> WebhookOut:
    """Show one webhook."""
    return _shown(await _find(request))


@operations.delete("/v1/webhooks/{id}", status=204, problems={404: NOT_FOUND})
async def delete_webhook(request: web.Request) -> None:
    """Tell an address nothing more, and forget what it was told."""
    if not await request.app[STORE].webhooks.remove(request[USER].id, path_id(request)):
        raise Problem(404, NOT_FOUND)


@operations.get(
    "/v1/webhooks/{id}/deliveries",
    query=DeliveryPage,
    answer=DeliveryList,
    problems={404: NOT_FOUND},
)
async def list_deliveries(request: web.Request, query: DeliveryPage) -> DeliveryList:
    """List what a webhook was told, newest first, and what came of it."""
    webhook = await _find(request)
    found = await request.app[STORE].webhooks.deliveries(
        request[USER].id, webhook.id, limit=query.limit
    )
    shown = [DeliveryOut.model_validate(delivery, from_attributes=True) for delivery in found]
    return DeliveryList(deliveries=shown)


@operations.post(
    "/v1/webhooks/{id}/test",
    status=202,
    problems={404: NOT_FOUND, 429: "A test is on its way already."},
)
async def test_webhook(request: web.Request) -> web.Response:
    """Send a message of the type `webhook.test`, once. Its delivery says what came of it."""
    try:
        await request.app[WEBHOOKS].test(await _find(request))
    except TestWaits as error:
        raise Problem(429, str(error), {"Retry-After": str(RETRY_S)}) from error
    return web.Response(status=202)


async def _find(request: web.Request) -> Webhook:
    webhook = await request.app[STORE].webhooks.get(request[USER].id, path_id(request))
    if webhook is None:
        raise Problem(404, NOT_FOUND)
    return webhook


def _shown(webhook: Webhook) -> WebhookOut:
    return WebhookOut.model_validate(webhook, from_attributes=True)
