# Cuts PortOne's OpenAPI document down to the calls that the console makes, for a server that checks requests.
#   openapi.py WHEEL OUT: out of the wheel of the package portone-mcp-server
import json
import sys
import zipfile

CALLS = [
    ("/billing-keys", ["post", "get"]),
    ("/billing-keys/{billingKey}", ["get", "delete"]),
    ("/identity-verifications/{identityVerificationId}", ["get"]),
    ("/identity-verifications/{identityVerificationId}/send", ["post"]),
    ("/identity-verifications/{identityVerificationId}/resend", ["post"]),
    ("/identity-verifications/{identityVerificationId}/confirm", ["post"]),
    ("/b2b/companies/business-info", ["post"]),
]


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].rsplit("/", 1)[1]
        for value in [*node.values(), *node.get("discriminator", {}).get("mapping", {}).values()]:
            if isinstance(value, str) and value.startswith("#/components/schemas/"):
                yield value.rsplit("/", 1)[1]
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


wheel, out = sys.argv[1:]
with zipfile.ZipFile(wheel) as package:
    whole = json.loads(package.read("portone_mcp_server/resources/docs/schema/v2.openapi.json"))

paths = {path: {method: whole["paths"][path][method] for method in methods} for path, methods in CALLS}

schemas, waiting = {}, set(references(paths))
while waiting:
    name = waiting.pop()
    schemas[name] = whole["components"]["schemas"][name]
    waiting |= set(references(schemas[name])) - schemas.keys()

# The documented scheme is "PortOne SECRET" in Authorization, which OpenAPI 3.0 has no name for.
key = {"type": "apiKey", "in": "header", "name": "Authorization"}
for methods in paths.values():
    for call in methods.values():
        call["security"] = [{"portOne": []}]

json.dump(
    {
        "openapi": whole["openapi"],
        "info": whole["info"],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"portOne": key}},
    },
    open(out, "w"),
    ensure_ascii=False,
)
