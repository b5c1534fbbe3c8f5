"""Roles: given to users, and what goes with them."""

from .store import Store
from .store.users import Role, User


async def change_role(store: Store, user: User, role: Role, actor_id: str | None) -> list[str]:
    """Give a user another role. Who is no coach any more coaches nobody, invites nobody
    and calls nobody.

    Args:
        store: The database.
        user: Whose role it is.
        role: The new one.
        actor_id: Who gives it; None for the operator, at the command line.

    Returns:
        The calls that ended by it, whose rooms may still be open.

    Raises:
        LastAdmin: If no admin would remain.
    """
    if role == user.role or not await store.users.change_role(user.id, role):
        return []
    await store.audit.note(actor_id, "role.changed", user.id, role)
    if role == "member":
        await store.invitations.delete_open(user.id)
        for member_id in await store.coachings.remove_all(user.id):
            await store.audit.note(actor_id, "coach.removed", member_id, user.id)
        ended = await store.calls.end_of_coach(user.id)
        for call_id, member_of_call in ended.items():
            await store.audit.note(actor_id, "call.ended", member_of_call or user.id, call_id)
        return list(ended)
    return []
