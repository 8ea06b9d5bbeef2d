// Gets tokens as an application would, and checks them as an API would, by RFC 9068 and by introspection. oauth4webapi is strict about what a
// server answers: every response below went through it. Prints what came of each way.
import * as oauth from "oauth4webapi";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, USER_TENANT, CALLER } = process.env;

// The server under test listens on loopback, without TLS.
const insecure = { [oauth.allowInsecureRequests]: true };
const client = { client_id: CLIENT_ID };
const issuer = new URL(ISSUER);

const ask = async (server, method, parameters) => {
  const response = await oauth.clientCredentialsGrantRequest(server, client, method, parameters, insecure);
  return oauth.processClientCredentialsResponse(server, client, response);
};

// An API shows the projected token of its pod.
const asAnAPI = (_server, _client, _body, headers) => headers.set("authorization", `Bearer ${CALLER}`);

const introspect = async (server, token) => {
  const response = await oauth.introspectionRequest(server, client, asAnAPI, token, insecure);
  return oauth.processIntrospectionResponse(server, client, response);
};

const results = {};
for (const algorithm of ["oauth2", "oidc"]) {
  const discovered = await oauth.discoveryRequest(issuer, { algorithm, ...insecure });
  const server = await oauth.processDiscoveryResponse(issuer, discovered);
  for (const [name, authenticate] of Object.entries({
    client_secret_basic: oauth.ClientSecretBasic, client_secret_post: oauth.ClientSecretPost,
  })) {
    const { access_token: token } = await ask(server, authenticate(CLIENT_SECRET), { tenant: USER_TENANT });
    const request = new Request("https://api.example.com/assets", { headers: { authorization: `Bearer ${token}` } });
    const claims = await oauth.validateJwtAccessToken(server, request, "https://api.example.com", insecure);
    const wrong = await ask(server, authenticate("wrong"), {}).then(
      () => "a token",
      (error) => `${error.status} ${error.code}: ${error.cause[0]?.scheme ?? error.cause.error}`,
    );
    const { scope: today } = await introspect(server, token);
    const { active: nonsense } = await introspect(server, "nonsense");
    results[`${algorithm}, ${name}`] = { tenant: claims.tenant, sub: claims.sub, wrong, today, nonsense };
  }
}
console.log(JSON.stringify(results));
