// The official Node client on the sandbox: the RRSA variables become credentials, or with `chain` whatever its default chain finds.
// One line of JSON without secrets.
const { default: Client, Config } = require('@alicloud/credentials');

const stsEndpoint = new URL(process.env.ALIBABA_CLOUD_STS_ENDPOINT).host;

const config = process.argv[2] === 'chain' ? undefined : new Config({ type: 'oidc_role_arn', stsEndpoint });

new Client(config).getCredential()
  .then((found) => ({
    provider: found.providerName,
    complete: [found.accessKeyId, found.accessKeySecret, found.securityToken].every((part) => part.length > 0),
    temporary: found.accessKeyId.startsWith('STS.'),
  }))
  .catch((error) => {
    const code = /"Code":\s*"([^"]+)"/.exec(error.message);
    // Never the text of an error: it may hold the token.
    return { code: code && code[1], error: error.name };
  })
  .then((answer) => console.log(JSON.stringify(answer)));
