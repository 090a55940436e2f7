#include "policy/jwt/judge.h"

#include <array>
#include <span>
#include <vector>

#include "base/base64url.h"

namespace portico::policy::jwt {

namespace {

// Where most payloads have room; larger ones are allocated.
constexpr size_t kUsualPayload = 2048;

Result<json::Document> read_claims(std::string_view text, std::span<uint8_t> bytes) {
    const size_t size = base64url_decoded_size(text.size());
    if (!base64url_decode(text, bytes)) return fail(Fault::token_malformed, "payload: not base64url");
    auto claims = json::Document::parse({reinterpret_cast<const char*>(bytes.data()), size}, {.max_depth = 32});
    if (!claims) return fail(Fault::token_malformed, "payload: " + std::string(claims.error().what()));
    return *std::move(claims);
}

Result<json::Document> read_claims(std::string_view text) {
    const size_t size = base64url_decoded_size(text.size());
    if (size > kUsualPayload) {
        std::vector<uint8_t> bytes(size);
        return read_claims(text, bytes);
    }
    std::array<uint8_t, kUsualPayload> bytes;
    return read_claims(text, bytes);
}

// @returns the key that verified it; nullptr where it was not to go on
Result<const Key*> find_signer(const Token& token, const CheckedToken& checked, VerifierContext& context, size_t& tried,
                               const std::function<bool()>& may_go_on) {
    const KeySet::Candidates& keys = checked.candidates;
    for (bool first = true;; first = false) {
        if (!first && !may_go_on()) return nullptr;
        const std::shared_ptr<const Key>& key = tried == 0 ? *keys.first : *keys.more[tried - 1];
        const auto verified = context.verify(key, checked.algorithm, token.signed_text, token.signature_text);
        if (verified) return key.get();
        if (verified.error().fault != Fault::token_signature) return fail(verified.error());
        if (++tried <= keys.more.size()) continue;
        if (!keys.left_out) return fail(verified.error());
        const std::string most = std::to_string(KeySet::kMaxCandidates);
        return fail(Fault::token_signature, "by none of the first " + most + " of its keys, and no more than " + most + " are tried for a token without \"kid\"");
    }
}

// Why a token has no key, for the log: also where its key is published and was passed over.
std::string why_no_key(std::string text, const KeySet& keys, const Header& header) {
    const PassedOverKey* const key = keys.passed_over_for(header.key_id, header.has_key_id);
    if (key == nullptr) return text;
    if (!text.empty()) text += ": ";
    return text + (key->id == header.key_id ? "its key" : "the key \"" + key->name() + "\"") + " was passed over: " + key->why;
}

}  // namespace

Result<OpenToken> open_token(std::string_view compact, const TokenBounds& bounds) {
    auto token = take_apart(compact, bounds);
    if (!token) return fail(std::move(token).error());
    auto claims = read_claims(token->payload_text);
    if (!claims) return fail(std::move(claims).error());
    return OpenToken{*std::move(token), *std::move(claims)};
}

Result<std::shared_ptr<VerifiedToken>> Judge::judge(std::string_view compact, const KeySet& keys, WallTime now,
                                                    VerifierContext& context) const {
    const auto token = open_token(compact, rules_.token);
    if (!token) return fail(token.error());
    return judge(*token, keys, now, context);
}

Result<std::shared_ptr<VerifiedToken>> Judge::judge(const OpenToken& token, const KeySet& keys, WallTime now,
                                                    VerifierContext& context) const {
    const auto checked = check(token, keys, now);
    if (!checked) return fail(checked.error());
    size_t tried = 0;
    return verify(token, *checked, context, tried, [] { return true; });
}

Result<CheckedToken> Judge::check(const OpenToken& open, const KeySet& keys, WallTime now) const {
    const Header& header = open.token.header;
    const auto algorithm = algorithm_named(header.algorithm);
    if (!algorithm || !rules_.algorithms.has(*algorithm)) return fail(Fault::token_algorithm, header.algorithm);
    const auto until = judge_claims(open.claims.root(), rules_.claims, now);
    if (!until) return fail(until.error());
    KeySet::Candidates candidates = keys.candidates(header.key_id, header.has_key_id, *algorithm);
    if (candidates.found == KeySet::Found::unknown_key) return fail(Fault::token_key_unknown, why_no_key(header.key_id, keys, header));
    if (candidates.found == KeySet::Found::wrong_algorithm) {
        return fail(Fault::token_algorithm, why_no_key(header.algorithm + " is not its key's", keys, header));
    }
    return CheckedToken{*algorithm, *until, std::move(candidates)};
}

bool Judge::is_for_another_key(const OpenToken& open, const Error& refusal) const {
    const auto algorithm = algorithm_named(open.token.header.algorithm);
    return refusal.fault == Fault::token_algorithm && algorithm && rules_.algorithms.has(*algorithm);
}

Result<std::shared_ptr<VerifiedToken>> Judge::verify(const OpenToken& open, const CheckedToken& checked, VerifierContext& context, size_t& tried,
                                                     const std::function<bool()>& may_go_on) const {
    const auto signer = find_signer(open.token, checked, context, tried, may_go_on);
    if (!signer) return fail(signer.error());
    if (*signer == nullptr) return nullptr;
    auto claims = rules_.subject ? rules_.subject->apply(open.claims) : Result<json::Document>(open.claims);
    if (!claims) return fail(std::move(claims).error());
    return std::make_shared<VerifiedToken>(
        VerifiedToken{std::string(open.token.compact), *std::move(claims), checked.valid_until, (*signer)->id(), checked.algorithm, std::nullopt});
}

}  // namespace portico::policy::jwt
