"""Interview invitations as iCalendar (RFC 5545) requests (RFC 5546); the one home of the icalendar library."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from icalendar import Calendar, Event, vCalAddress, vText


@dataclass(frozen=True, slots=True)
class Invitation:
    """One meeting with one guest. `uid` is equal over all tries, so that a repeated mail changes nothing in a calendar."""

    uid: str
    start: datetime
    end: datetime
    stamp: datetime
    summary: str
    description: str
    organizer: str
    attendee: str
    organizer_name: str | None = None
    attendee_name: str | None = None
    location: str | None = None
    url: str | None = None


def request(invitation: Invitation) -> bytes:
    """The text/calendar body of a REQUEST. Times are written in UTC, so that no time zone table has to travel along."""
    event = Event()
    event.add("uid", invitation.uid)
    event.add("dtstamp", invitation.stamp.astimezone(UTC))
    event.add("dtstart", invitation.start.astimezone(UTC))
    event.add("dtend", invitation.end.astimezone(UTC))
    event.add("summary", invitation.summary)
    event.add("description", invitation.description)
    event.add("organizer", _address(invitation.organizer, invitation.organizer_name))
    guest = _address(invitation.attendee, invitation.attendee_name)
    guest.params["ROLE"] = vText("REQ-PARTICIPANT")
    guest.params["PARTSTAT"] = vText("NEEDS-ACTION")
    guest.params["RSVP"] = vText("TRUE")
    event.add("attendee", guest, encode=False)
    if invitation.location:
        event.add("location", invitation.location)
    if invitation.url:
        event.add("url", invitation.url)
    event.add("status", "CONFIRMED")
    event.add("sequence", 0)
    calendar = Calendar()
    calendar.add("prodid", "-//Hirewire//Interview invitation//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "REQUEST")
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _address(address: str, name: str | None) -> vCalAddress:
    person = vCalAddress(f"mailto:{address}")
    if name:
        person.params["CN"] = vText(name)
    return person
