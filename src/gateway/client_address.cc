#include "gateway/client_address.h"

#include <algorithm>

#include "base/text.h"

namespace portico::gateway {
namespace {

using http::FieldName;

std::string_view unquoted(std::string_view text) {
    if (text.size() < 2 || text.front() != '"' || text.back() != '"') return text;
    return text.substr(1, text.size() - 2);
}

// RFC 7239 §6: digits, or a name that says nothing.
bool is_node_port(std::string_view text) {
    const auto obfuscated = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-'; };
    if (text.starts_with('_')) return text.size() > 1 && std::ranges::all_of(text, obfuscated);
    return text.size() <= 5 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// An address as proxies write it: bare, in brackets, with a port.
std::optional<IpAddress> address_in(std::string_view text) {
    text = unquoted(text);
    if (text.starts_with('[')) {
        const size_t end = text.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        const std::string_view behind = text.substr(end + 1);
        if (!behind.empty() && (behind[0] != ':' || !is_node_port(behind.substr(1)))) return std::nullopt;
        return IpAddress::parse(text.substr(1, end - 1));
    }
    if (const size_t colon = text.find(':'); colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos) {
        if (!is_node_port(text.substr(colon + 1))) return std::nullopt;
        text = text.substr(0, colon);
    }
    return IpAddress::parse(text);
}

// Reads Forwarded (RFC 7239 §4): for=…;proto=…;host=…, one element a proxy. A comma or semicolon within quotes is a value's own.
class ForwardedReader {
  public:
    explicit ForwardedReader(std::string_view value) : text_(value) {}

    // @returns false where the value is not well-formed: nobody knows then where one proxy's word ends and the client's begins
    bool read(std::vector<ForwardingFields::Hop>& into) {
        do {
            ForwardingFields::Hop hop;
            if (!read_element(hop)) return false;
            into.push_back(hop);
        } while (take(','));
        return at_ == text_.size();
    }

  private:
    bool take(char c) {
        if (at_ == text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    void skip_blanks() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    }

    // An element that does not say once whom it is for stands in the chain as one that nobody can read: were it left out, what the
    // client wrote before it would count as the proxy's word.
    bool read_element(ForwardingFields::Hop& hop) {
        size_t named = 0;
        do {
            skip_blanks();
            const size_t begin = at_;
            while (at_ < text_.size() && http::is_token(text_.substr(at_, 1))) ++at_;
            const std::string_view name = text_.substr(begin, at_ - begin);
            if (!name.empty()) {
                std::string_view value;
                if (!take('=') || !read_value(value)) return false;
                if (iequals(name, "for")) {
                    hop.address = value;
                    ++named;
                } else if (iequals(name, "proto")) {
                    hop.proto = value;
                } else if (iequals(name, "host")) {
                    hop.host = value;
                }
            }
            skip_blanks();
        } while (take(';'));
        if (named != 1) hop.address = {};
        return true;
    }

    // What is quoted without its quotes. No address and no host has a `\`: one with escapes is read as it stands, and is none.
    bool read_value(std::string_view& value) {
        const size_t begin = at_;
        if (!take('"')) {
            while (at_ < text_.size() && std::string_view(" \t\",;\\").find(text_[at_]) == std::string_view::npos) ++at_;
            value = text_.substr(begin, at_ - begin);
            return true;
        }
        while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
        if (at_ >= text_.size()) return false;
        value = text_.substr(begin + 1, at_ - begin - 1);
        ++at_;
        return true;
    }

    std::string_view text_;
    size_t at_ = 0;
};

void read_forwarded(std::string_view value, ForwardingFields& into) {
    const size_t before = into.chain.size();
    if (ForwardedReader(value).read(into.chain)) return;
    into.chain.resize(before);
    into.chain.emplace_back();
}

}  // namespace

ClientSource::ClientSource(std::string_view header)
    : form(http::is_same_name(header, "X-Forwarded-For") ? Form::chain
           : http::is_same_name(header, "Forwarded")     ? Form::forwarded
                                                         : Form::address),
      name(header) {}

ForwardingFields read_forwarding(const http::FieldList& fields, const ClientSource& source) {
    ForwardingFields f;
    size_t addresses = 0;
    for (const http::Field& field : fields) {
        if (source.form == ClientSource::Form::forwarded) {
            if (field.id == FieldName::forwarded) read_forwarded(field.value, f);
            continue;
        }
        if (field.id == FieldName::x_forwarded_proto) f.proto = field.value;
        else if (field.id == FieldName::x_forwarded_host) f.host = field.value;
        else if (field.id == FieldName::x_forwarded_port) f.port = field.value;
        if (source.form == ClientSource::Form::chain) {
            if (field.id == FieldName::x_forwarded_for) for_each_element(field.value, [&](std::string_view e) { f.chain.push_back({e}); });
        } else if (iequals(field.name, source.name)) {
            // Of two, one may be the client's own: neither can be believed.
            f.chain.assign(1, {++addresses == 1 ? field.value : std::string_view{}});
        }
    }
    return f;
}

FoundClient find_client(const ForwardingFields& said, const IpAddress& peer, std::span<const Cidr> trusted) {
    FoundClient found{peer, {}, said.proto, said.host};
    std::vector<std::string> hops;  // the nearest first
    for (size_t i = said.chain.size(); i > 0; --i) {
        const bool too_far = hops.size() == kMostHops;
        const ForwardingFields::Hop& hop = said.chain[i - 1];
        found.address = too_far ? std::nullopt : address_in(hop.address);
        if (!hop.proto.empty()) found.proto = hop.proto;
        if (!hop.host.empty()) found.host = hop.host;
        hops.push_back(found.address ? found.address->text() : std::string(kNoAddress));
        if (!found.address || !is_trusted(trusted, *found.address)) break;
    }
    for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) found.passed.append(found.passed.empty() ? "" : ", ").append(*hop);
    return found;
}

bool is_trusted(std::span<const Cidr> trusted, const IpAddress& ip) {
    return std::ranges::any_of(trusted, [&](const Cidr& c) { return c.contains(ip); });
}

}  // namespace portico::gateway
