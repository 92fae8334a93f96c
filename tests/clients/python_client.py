"""The official Python clients on the sandbox: one call each, the answer as one line of JSON without secrets.

    python_client.py credentials                 the RRSA variables become credentials, the credentials an identity
    python_client.py chain                       what the default chain finds, and whose identity it is
    python_client.py exchange [--tampered|--replayed]
                                                 AssumeRoleWithOIDC, then GetCallerIdentity signed with its result
"""

import json
import os
import re
import sys
from urllib.parse import urlsplit

import certifi

# The clients trust what certifi holds, and nothing else: the sandbox's authority stands in for it.
certifi.where = lambda: os.environ["RRSA_CLOUD_CA_FILE"]

from alibabacloud_credentials.client import Client as Credentials
from alibabacloud_credentials.models import Config as CredentialsConfig
from alibabacloud_sts20150401 import models
from alibabacloud_sts20150401.client import Client as Sts
from alibabacloud_tea_openapi.utils_models import Config

HOST = urlsplit(os.environ["ALIBABA_CLOUD_STS_ENDPOINT"]).netloc


def sts(**credentials):
    return Sts(Config(endpoint=HOST, protocol="https", **credentials))


def identity(key_id, secret, token):
    client = sts(access_key_id=key_id, access_key_secret=secret, security_token=token)
    return client.get_caller_identity().body.arn


def credentials():
    found = Credentials(CredentialsConfig(type="oidc_role_arn", sts_endpoint=HOST)).get_credential()
    return {
        "provider": found.provider_name,
        "arn": identity(found.access_key_id, found.access_key_secret, found.security_token),
    }


def chain():
    found = Credentials().get_credential()
    return {
        "provider": found.provider_name,
        "arn": identity(found.access_key_id, found.access_key_secret, found.security_token),
    }


def exchange(option):
    with open(os.environ["ALIBABA_CLOUD_OIDC_TOKEN_FILE"], encoding="ascii") as file:
        token = file.read()
    request = models.AssumeRoleWithOIDCRequest(
        role_arn=os.environ["ALIBABA_CLOUD_ROLE_ARN"],
        oidcprovider_arn=os.environ["ALIBABA_CLOUD_OIDC_PROVIDER_ARN"],
        oidctoken=token,
        role_session_name="python-client",
    )
    # The call itself is anonymous; the client wants some key all the same.
    session = sts(access_key_id="anonymous", access_key_secret="anonymous").assume_role_with_oidc(request)
    given = session.body.credentials
    secret = given.access_key_secret + ("x" if option == "--tampered" else "")
    if option == "--replayed":
        same_nonce_from_now_on()
        identity(given.access_key_id, secret, given.security_token)
    return {"arn": identity(given.access_key_id, secret, given.security_token)}


def same_nonce_from_now_on():
    from alibabacloud_tea_openapi import client

    client.Utils.get_nonce = staticmethod(lambda: "0123456789abcdef0123456789abcdef")


def main():
    what, option = sys.argv[1], (sys.argv + [""])[2]
    try:
        answer = {"credentials": credentials, "chain": chain}.get(what, lambda: exchange(option))()
    except Exception as error:
        # Never the text of an error: the clients write the token into it.
        answer = {"code": getattr(error, "code", None) or refusal(str(error)), "error": type(error).__name__}
    print(json.dumps(answer))


def refusal(text):
    """The code in an error text that quotes the JSON of the refusal."""
    found = re.search(r'"Code":\s*"([^"]+)"', text)
    return found and found.group(1)


main()
