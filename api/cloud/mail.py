"""Letters to people: by SMTP where it is set up, else as files in the data folder."""

import asyncio
import logging
import smtplib
import ssl
from email.message import EmailMessage
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from warehouse.settings import settings

TIMEOUT_SECONDS = 20

log = logging.getLogger("api.mail")


class Letter(NamedTuple):
    """To whom, about what, and the text."""

    to: str
    subject: str
    text: str


async def send(letter: Letter) -> bool:
    """Send a letter; say whether it left by mail.

    A mail server that does not answer undoes nothing: what the letter says can be
    handed over by other means.
    """
    message = EmailMessage()
    message["From"] = settings().mail_from
    message["To"] = letter.to
    message["Subject"] = " ".join(letter.subject.split())  # one line, whatever it names
    message.set_content(letter.text)
    if settings().smtp_url is None:
        _keep(message)
        return False
    try:
        await asyncio.to_thread(_post, message, settings().smtp_url or "")
    except (OSError, smtplib.SMTPException) as failure:
        log.warning("a letter was not sent: %s", type(failure).__name__)
        return False
    return True


def _keep(message: EmailMessage) -> None:
    folder = settings().home / "mail"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{uuid4().hex}.eml"
    path.touch(mode=0o600)
    path.write_bytes(bytes(message))


def _post(message: EmailMessage, url: str) -> None:
    """Hand a message to `smtp://` (with STARTTLS if offered) or `smtps://`."""
    at = urlsplit(url)
    host = at.hostname or "localhost"
    context = ssl.create_default_context()
    if at.scheme == "smtps":
        server = smtplib.SMTP_SSL(
            host, at.port or 465, timeout=TIMEOUT_SECONDS, context=context
        )
    else:
        server = smtplib.SMTP(host, at.port or 25, timeout=TIMEOUT_SECONDS)
    with server:
        server.ehlo()
        if at.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=context)
        if at.username:
            server.login(unquote(at.username), unquote(at.password or ""))
        server.send_message(message)
