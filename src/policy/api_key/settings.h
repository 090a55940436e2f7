// The settings of `api_key`: where keys are sent, and which there are. At load; one thread.
#pragma once

#include <vector>

#include "config/schema.h"
#include "gateway/claim_headers.h"
#include "json/document.h"
#include "policy/api_key/key_table.h"
#include "policy/api_key/presented.h"

namespace portico::policy::api_key {

struct Settings {
    Place from;
    KeyTable keys;
    std::vector<std::string> names;     // of the entries
    std::vector<json::Document> claims; // of the entries: the identity of who has the key
    gateway::ClaimHeaders headers;
    bool forward_key = false;
};

std::span<const config::Field<Settings>> fields();

}  // namespace portico::policy::api_key
