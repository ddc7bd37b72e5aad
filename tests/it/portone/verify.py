# What PortOne's own SDK says of sendings: one JSON array of them on standard input, one array of verdicts out.
import json
import sys

from portone_server_sdk import webhook


def verdict(sending):
    try:
        webhook.verify(sending["secret"], sending["body"], sending["headers"])
    except webhook.WebhookVerificationError as error:
        return error.reason
    except webhook.InvalidInputError:
        return "INVALID_SECRET"
    return "GOOD"


json.dump([verdict(sending) for sending in json.load(sys.stdin)], sys.stdout)
