// Finds the token of a request where the configuration says that it stands, and takes it off what the service gets. Pure but for
// the exchange that it reads.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gateway/exchange.h"
#include "policy/jwt/settings.h"

namespace portico::policy::jwt {

struct FoundToken {
    std::string_view text;  // empty: there is none
    const TokenPlace* place = nullptr;
    bool several = false;   // in more than one place, or more than once in one
};

// `Authorization` counts only with the scheme Bearer (RFC 6750 §2.1); other schemes are somebody else's, unless they stand beside
// a token: that is several. Names as http/credential.h reads them.
FoundToken find_token(const gateway::Exchange& x, std::span<const TokenPlace> places);
// Whether the value that a template names is, or holds, a token from one of these places.
bool names_token(std::span<const TokenPlace> places, const gateway::TemplatePart& part);
// Whether that value is a token and nothing else. Of `Authorization` the case of the scheme and the blanks behind it are the client's to choose.
bool is_token_alone(std::span<const TokenPlace> places, const gateway::TemplatePart& part);
// The service does not get it: the field goes in every spelling, the cookie out of its list, or the pair out of the query.
void remove_token(gateway::Exchange& x, const TokenPlace& place);
// Where a client may put one, to go on a sentence: ", such as Authorization: Bearer <token>", or " in the cookie sess".
std::string places_in_words(std::span<const TokenPlace> places);
gateway::CredentialPlace credential_place(const TokenPlace& place);
// Policy::credential_places.
void add_credential_places(std::span<const TokenPlace> places, std::vector<gateway::CredentialPlace>& into);

}  // namespace portico::policy::jwt
