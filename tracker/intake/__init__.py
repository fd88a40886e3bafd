"""Door for mail, by LMTP or from a mailbox over IMAP: acknowledged, or deleted there, once it is stored here."""

import threading

from flask import Flask

from tracker import desks, settings
from tracker.errors import Invalid
from tracker.intake import imap, lmtp


def run(app: Flask, stop: threading.Event) -> None:
    """Take mail by each way that is set until `stop`. Raises Invalid when none is."""
    with app.app_context():
        chosen = settings.current()
    if not (chosen.mail_in_lmtp or chosen.mail_in_imap):
        raise Invalid("No way is set: TRACKER_MAIL_IN_LMTP, TRACKER_MAIL_IN_IMAP or both. See docs/mail-in.md.")
    threads = []
    if chosen.mail_in_imap:
        threads.append(threading.Thread(target=imap.run, args=(app, chosen, stop), name="imap", daemon=True))
    for thread in threads:
        thread.start()
    if chosen.mail_in_lmtp:
        lmtp.run(app, chosen.mail_in_lmtp, stop)
    stop.wait()
    for thread in threads:
        thread.join(imap.TIMEOUT_S)


def check() -> str:
    """Say in words what keeps mail from coming in; "" when it does, or none is wanted."""
    chosen = settings.current()
    ways = bool(chosen.mail_in_lmtp or chosen.mail_in_imap)
    if bool(chosen.mail_in_domain) != ways:
        return (
            "TRACKER_MAIL_IN_DOMAIN is set, but no way in: set TRACKER_MAIL_IN_LMTP or TRACKER_MAIL_IN_IMAP."
            if not ways
            else "TRACKER_MAIL_IN_DOMAIN is empty: our mails carry no address that replies could come to."
        )
    if chosen.mail_in_desk and chosen.mail_in_desk not in {one.slug for one in desks.everyone()}:
        return "TRACKER_MAIL_IN_DESK names none of the desks that `flask tracker desk list` shows."
    problems = [lmtp.check(chosen.mail_in_lmtp) if chosen.mail_in_lmtp else ""]
    problems += [imap.check(chosen.mail_in_imap) if chosen.mail_in_imap else ""]
    return " ".join(problem for problem in problems if problem)
