-- Messages from other services are the worker's alone. A dead letter is applied, when an operator sends it again, without a look at the
-- signature that it came with; a message whose id is in `inbox`, or whose worker died of it, is not applied. Web processes read and write none.
REVOKE ALL ON inbox, failures, dead_letters FROM {{app}};
