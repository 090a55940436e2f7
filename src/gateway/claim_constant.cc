#include "gateway/claim_constant.h"

#include "config/read.h"
#include "json/same_number.h"

namespace portico::gateway {

using config::NodeKind;

std::optional<ClaimConstant> read_claim_constant(const config::Scope& scope, const config::Node& node) {
    switch (node.kind) {
        case NodeKind::string:
            if (!config::check_no_braces(scope, node)) return std::nullopt;
            return ClaimConstant{json::Kind::string, node.text};
        case NodeKind::boolean: {
            const auto truth = config::read_bool(scope, node);
            if (!truth) return std::nullopt;
            return ClaimConstant{json::Kind::boolean, *truth ? "true" : "false"};
        }
        case NodeKind::number: {
            const auto number = json::Document::parse(node.text);
            if (number && number->root().is_number()) return ClaimConstant{json::Kind::number, node.text};
            scope.error(node.mark, "bad-number", node.text + " is a number that no claim can hold", "write it as a plain decimal");
            return std::nullopt;
        }
        case NodeKind::null:
            scope.error(node.mark, "bad-condition", "a claim that is null counts as not there");
            return std::nullopt;
        default: scope.expected(node, "a text, a number, true or false"); return std::nullopt;
    }
}

bool equals(json::Value claim, const ClaimConstant& wanted) {
    if (claim.kind() != wanted.kind) return false;
    switch (wanted.kind) {
        case json::Kind::string: return claim.string() == wanted.text;
        case json::Kind::boolean: return claim.source() == wanted.text;
        case json::Kind::number: return json::same_number(claim.source(), wanted.text);
        default: return false;
    }
}

}  // namespace portico::gateway
