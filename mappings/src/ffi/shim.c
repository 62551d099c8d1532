/*
 * What Rust cannot say about libxml2 and libxslt: variadic error callbacks, fields of their structures, and hooks that
 * are process-global. Everything else is called from Rust directly.
 *
 * The process-global hooks are set once, by rohrpost_start, and look only at the state of the calling thread. So two
 * threads never see each other's files or errors.
 */
#define _GNU_SOURCE
#include <libexslt/exslt.h>
#include <libxml/SAX2.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlIO.h>
#include <libxml/xmlerror.h>
#include <libxml/xmlschemas.h>
#include <libxml/xmlschemastypes.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <libxslt/documents.h>
#include <libxslt/extensions.h>
#include <libxslt/functions.h>
#include <libxslt/imports.h>
#include <libxslt/security.h>
#include <libxslt/transform.h>
#include <libxslt/variables.h>
#include <libxslt/xsltutils.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* FUNCTIONS_NAMESPACE in functions/mod.rs. */
#define HUB_FUNCTIONS "urn:rohrpost:functions:1"

/* The layout that raw.rs declares; it asserts the same numbers. */
_Static_assert(offsetof(xmlNode, type) == 8 && offsetof(xmlNode, name) == 16 && offsetof(xmlNode, children) == 24, "");
_Static_assert(offsetof(xmlNode, parent) == 40 && offsetof(xmlNode, next) == 48 && offsetof(xmlNode, doc) == 64, "");
_Static_assert(offsetof(xmlNode, ns) == 72 && offsetof(xmlNode, content) == 80, "");
_Static_assert(offsetof(xmlNode, properties) == 88 && offsetof(xmlNode, nsDef) == 96, "");
_Static_assert(offsetof(xmlAttr, children) == 24 && offsetof(xmlAttr, next) == 48 && offsetof(xmlAttr, ns) == 72, "");
_Static_assert(offsetof(xmlNs, next) == 0 && offsetof(xmlNs, href) == 16 && offsetof(xmlNs, prefix) == 24, "");

/* Implemented in report.rs. They work on the state of the calling thread. */
void rohrpost_on_error(int domain, int code, int level, const char *file, int line, long offset, const char *message,
                       const char *expression, xmlNodePtr node);
void rohrpost_on_text(xmlNodePtr instruction, const char *text);
const char *rohrpost_find(const char *uri, size_t *length);
int rohrpost_call(const char *name, int count, const xmlChar *const *arguments, const char **answer);

/* Memory of the transform that runs on this thread. When it takes more than it may, it is stopped at its next
 * instruction or XPath step: libxslt and libxml2 look at these fields there. */
static _Thread_local xsltTransformContextPtr running;
static _Thread_local long long used, allowed;
static _Thread_local int out_of_memory, out_of_stack;

/* Kept out of what runs for every block. */
#define RARE __attribute__((cold, noinline))

RARE static void stop_running(void) {
    running->state = XSLT_STATE_STOPPED;
    running->xpathCtxt->opLimit = running->xpathCtxt->opCount = 1;
}

static void account(long long bytes) {
    used += bytes;
    if (used > allowed && !out_of_memory) {
        out_of_memory = 1;
        stop_running();
    }
}

/* To ask for the size of every block costs more than many a block's use. So at first only what is taken is counted, each
 * block as the largest that an allocator may give for its size, and nothing that is given back. Only a run that took an
 * eighth of what it may in all is counted exactly from there on: it is stopped by an eighth of the limit too early at
 * worst, and never too late. */
static _Thread_local int exact;

static void take(void *memory, size_t size) {
    if (exact) {
        account((long long)malloc_usable_size(memory));
        return;
    }
    account((long long)(size + size / 4 + 24));
    exact = used > allowed / 8;
}

/* The libraries copy trees by recursion, and a stylesheet can build a tree deeper than any stack. Every step of such a
 * copy allocates: when the stack is nearly used up, there is no memory, and the recursion unwinds. */
static _Thread_local char *stack_begin;

RARE static int find_stack(void) {
    pthread_attr_t attributes;
    void *begin = NULL;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 0;
    pthread_attr_getstack(&attributes, &begin, &size);
    pthread_attr_destroy(&attributes);
    stack_begin = begin;
    return 1;
}

static inline size_t stack_left(void) {
    char here;
    if (stack_begin == NULL && !find_stack()) return 0;
    return (size_t)(&here - stack_begin);
}

size_t rohrpost_stack_left(void) { return stack_left(); }

static inline int stack_is_short(void) {
    const size_t reserve = 256 << 10;
    if (stack_left() > reserve) return 0;
    out_of_stack = 1;
    stop_running();
    return 1;
}

/* Only a run is accounted for: what is parsed, copied and freed outside of one costs no look at its size. */
static void release(void *memory) {
    if (running != NULL && exact) used -= (long long)malloc_usable_size(memory);
    free(memory);
}

static void *allocate(size_t size) {
    if (running == NULL) return malloc(size);
    if (stack_is_short()) return NULL;
    void *memory = malloc(size);
    if (memory != NULL) take(memory, size);
    return memory;
}

static void *reallocate(void *old, size_t size) {
    if (running == NULL) return realloc(old, size);
    if (stack_is_short()) return NULL;
    long long before = exact ? (long long)malloc_usable_size(old) : 0;
    void *memory = realloc(old, size);
    if (memory == NULL) return NULL;
    used -= before;
    take(memory, size);
    return memory;
}

static char *duplicate(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = allocate(size);
    return copy == NULL ? NULL : memcpy(copy, text, size);
}

static void on_structured(void *unused, xmlErrorPtr error) {
    (void)unused;
    long offset = -1;
    int parsing = error->domain == XML_FROM_PARSER || error->domain == XML_FROM_NAMESPACE;
    if (parsing && error->ctxt != NULL) offset = xmlByteConsumed((xmlParserCtxtPtr)error->ctxt);
    rohrpost_on_error(error->domain, error->code, error->level, error->file, error->line, offset, error->message,
                      error->str1, (xmlNodePtr)error->node);
}

/* The context is the transform, or NULL while a stylesheet is compiled. */
static void on_text(void *context, const char *format, ...) {
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    rohrpost_on_text(context == NULL ? NULL : ((xsltTransformContextPtr)context)->inst, text);
}

static void on_nothing(void *unused, const char *format, ...) {
    (void)unused;
    (void)format;
}

/* How a text is read: UTF-8, strictly; no recovery, no entity, no network. HUGE lifts libxml2's own limits: the caller has
 * checked size, depth and attributes before, and there is no DOCTYPE. IGNORE_ENC: what was checked is what is parsed; a
 * declaration must not turn the same bytes into other characters. */
static const int strictly = XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_BIG_LINES | XML_PARSE_HUGE |
                            XML_PARSE_IGNORE_ENC;

/* Well-formed, namespaces included, and without a DOCTYPE. */
static int is_sound(xmlParserCtxtPtr context, xmlDocPtr doc) {
    return doc != NULL && context->wellFormed && context->nsWellFormed && !doc->intSubset && !doc->extSubset;
}

static xmlDocPtr parse(const char *bytes, int length, const char *url, xmlDictPtr dict, int options) {
    xmlParserCtxtPtr context = xmlNewParserCtxt();
    if (context == NULL) return NULL;
    if (dict != NULL) {
        xmlDictFree(context->dict);
        context->dict = dict;
        xmlDictReference(dict);
    }
    xmlDocPtr doc = xmlCtxtReadMemory(context, bytes, length, url, NULL, options);
    int sound = is_sound(context, doc);
    xmlFreeParserCtxt(context);
    if (sound) return doc;
    xmlFreeDoc(doc);
    return NULL;
}

/* NULL unless it is sound. */
xmlDocPtr rohrpost_parse(const char *bytes, int length, const char *url) {
    return parse(bytes, length, url, NULL, strictly);
}

/* The same for a document that is read, copied, and given to a run at most, which takes away blank text and changes nothing
 * else: COMPACT keeps short texts within their nodes, so the text of a node must not be freed by itself. */
xmlDocPtr rohrpost_parse_to_read(const char *bytes, int length) {
    return parse(bytes, length, NULL, NULL, strictly | XML_PARSE_COMPACT);
}

static void no_start(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespaces,
                     const xmlChar **declared, int attributes, int defaulted, const xmlChar **values) {
    (void)context, (void)name, (void)prefix, (void)uri, (void)namespaces, (void)declared, (void)attributes;
    (void)defaulted, (void)values;
}

static void no_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri) {
    (void)context, (void)name, (void)prefix, (void)uri;
}

static void no_comment(void *context, const xmlChar *text) { (void)context, (void)text; }

static void no_instruction(void *context, const xmlChar *target, const xmlChar *data) {
    (void)context, (void)target, (void)data;
}

static void no_text(void *context, const xmlChar *text, int length) { (void)context, (void)text, (void)length; }

/* Whether it is sound: the same parser on the same text, which only builds no tree. What makes a document unsound is
 * found by the parser, not by the handlers that are replaced here; those for a DOCTYPE stay. */
int rohrpost_check(const char *bytes, int length) {
    xmlParserCtxtPtr context = xmlNewParserCtxt();
    if (context == NULL) return 0;
    xmlSAXHandlerPtr handlers = context->sax;
    handlers->startElementNs = no_start;
    handlers->endElementNs = no_end;
    handlers->characters = handlers->ignorableWhitespace = handlers->cdataBlock = no_text;
    handlers->comment = no_comment;
    handlers->processingInstruction = no_instruction;
    xmlDocPtr doc = xmlCtxtReadMemory(context, bytes, length, NULL, NULL, strictly);
    int sound = is_sound(context, doc);
    xmlFreeParserCtxt(context);
    xmlFreeDoc(doc);
    return sound;
}

void rohrpost_free(void *memory) { xmlFree(memory); }

const char *rohrpost_url(xmlDocPtr doc) { return (const char *)doc->URL; }

/* Stylesheets and document(): only what lies in the bundle. */
static xmlDocPtr load(const xmlChar *uri, xmlDictPtr dict, int options, void *context, xsltLoadType type) {
    (void)options, (void)context, (void)type;
    size_t length = 0;
    const char *bytes = rohrpost_find((const char *)uri, &length);
    return bytes == NULL ? NULL : parse(bytes, (int)length, (const char *)uri, dict, strictly);
}

/* Schemas: only what lies in the bundle. Whatever else libxml2 may want to load ends here, too. */
static xmlParserInputPtr load_entity(const char *uri, const char *id, xmlParserCtxtPtr context) {
    (void)id;
    size_t length = 0;
    const char *bytes = uri == NULL ? NULL : rohrpost_find(uri, &length);
    if (bytes == NULL) return NULL;
    xmlParserInputBufferPtr buffer = xmlParserInputBufferCreateMem(bytes, (int)length, XML_CHAR_ENCODING_NONE);
    xmlParserInputPtr input = xmlNewIOInputStream(context, buffer, XML_CHAR_ENCODING_NONE);
    if (input != NULL) input->filename = (char *)xmlStrdup((const xmlChar *)uri);
    return input;
}

static int in_bundle(xsltSecurityPrefsPtr security, xsltTransformContextPtr context, const char *uri) {
    (void)security, (void)context;
    size_t length;
    return rohrpost_find(uri, &length) != NULL;
}

/* EXSLT's date functions read the clock when they are called without an argument; a mapping gives the same output for
 * ever, so that is an error. */
static const char *const clock_names[] = {
    "date-time", "date", "time", "year", "leap-year", "month-in-year", "month-name", "month-abbreviation",
    "week-in-year", "week-in-month", "day-in-year", "day-in-month", "day-of-week-in-month", "day-in-week", "day-name",
    "day-abbreviation", "hour-in-day", "minute-in-hour", "second-in-minute", "seconds", NULL};
static xmlXPathFunction clock_functions[sizeof clock_names / sizeof *clock_names];

static void without_clock(xmlXPathParserContextPtr context, int arguments) {
    const char *name = (const char *)context->context->function;
    for (int i = 0; clock_names[i] != NULL; i++) {
        if (arguments > 0 && strcmp(name, clock_names[i]) == 0) {
            clock_functions[i](context, arguments);
            return;
        }
    }
    xsltTransformError(xsltXPathGetTransformContext(context), NULL, NULL,
                       "%s() without an argument would make the output depend on clock or chance\n", name);
    context->error = XPATH_INVALID_ARITY;
}

static void forbid_clock_and_chance(void) {
    for (int i = 0; clock_names[i] != NULL; i++) {
        clock_functions[i] = xsltExtModuleFunctionLookup(BAD_CAST clock_names[i], EXSLT_DATE_NAMESPACE);
        if (clock_functions[i] != NULL)
            xsltRegisterExtModuleFunction(BAD_CAST clock_names[i], EXSLT_DATE_NAMESPACE, without_clock);
    }
    xsltRegisterExtModuleFunction(BAD_CAST "random", EXSLT_MATH_NAMESPACE, without_clock);
}

/* libxslt's document() gives nothing for what is no URI, without a word. Nothing for something is an error here. */
static void checked_document(xmlXPathParserContextPtr context, int arguments) {
    int at = context->valueNr - arguments;
    xmlXPathObjectPtr asked = at >= 0 && arguments > 0 ? context->valueTab[at] : NULL;
    int something = asked != NULL && (asked->type != XPATH_NODESET || !xmlXPathNodeSetIsEmpty(asked->nodesetval));
    xsltDocumentFunction(context, arguments);
    xmlXPathObjectPtr found = context->value;
    int nodes = found != NULL && found->type == XPATH_NODESET && !xmlXPathNodeSetIsEmpty(found->nodesetval);
    if (nodes || !something || context->error != XPATH_EXPRESSION_OK) return;
    xsltTransformError(xsltXPathGetTransformContext(context), NULL, NULL, "document() found nothing under this name\n");
    context->error = XPATH_INVALID_OPERAND;
}

/* A function of the hub. What its arguments are is decided where it is implemented; here they become texts. */
enum { FUNCTION_TEXT, FUNCTION_TRUE, FUNCTION_FALSE };
enum { MOST_ARGUMENTS = 8 };

static void hub_function(xmlXPathParserContextPtr context, int arguments) {
    const char *name = (const char *)context->context->function, *answer = NULL;
    xmlChar *given[MOST_ARGUMENTS] = {NULL};
    if (arguments > MOST_ARGUMENTS) {
        xmlXPathSetArityError(context);
        return;
    }
    for (int i = arguments - 1; i >= 0; i--) given[i] = xmlXPathPopString(context);
    int sound = context->error == XPATH_EXPRESSION_OK;
    for (int i = 0; i < arguments; i++) sound = sound && given[i] != NULL;
    int kind = sound ? rohrpost_call(name, arguments, (const xmlChar *const *)given, &answer) : -1;
    for (int i = 0; i < arguments; i++) xmlFree(given[i]);
    if (kind == FUNCTION_TEXT) {
        xmlXPathReturnString(context, xmlStrdup(BAD_CAST answer));
    } else if (kind == FUNCTION_TRUE || kind == FUNCTION_FALSE) {
        xmlXPathReturnBoolean(context, kind == FUNCTION_TRUE);
    } else {
        xsltTransformContextPtr transform = xsltXPathGetTransformContext(context);
        if (answer != NULL) xsltTransformError(transform, NULL, NULL, "%s\n", answer);
        if (transform != NULL) transform->state = XSLT_STATE_STOPPED;
        context->error = XPATH_INVALID_OPERAND;
    }
}

/* Asked before the functions that libxslt registers itself at the begin of a run. */
static xmlXPathFunction find_function(void *context, const xmlChar *name, const xmlChar *namespace) {
    if (namespace == NULL && xmlStrEqual(name, BAD_CAST "document")) return checked_document;
    if (xmlStrEqual(namespace, BAD_CAST HUB_FUNCTIONS)) return hub_function;
    return xsltXPathFunctionLookup(context, name, namespace);
}

/* Once per process, before anything else. The security preferences hold for stylesheets that are compiled and run. */
xsltSecurityPrefsPtr rohrpost_start(void) {
    xmlMemSetup(release, allocate, reallocate, duplicate);
    xmlInitParser();
    xmlSchemaInitTypes();
    xmlSetExternalEntityLoader(load_entity);
    xsltInit();
    xsltSetLoaderFunc(load);
    exsltRegisterAll();
    forbid_clock_and_chance();
    xsltSetGenericErrorFunc(NULL, on_text);
    xsltSecurityPrefsPtr security = xsltNewSecurityPrefs();
    xsltSetSecurityPrefs(security, XSLT_SECPREF_READ_FILE, xsltSecurityForbid);
    xsltSetSecurityPrefs(security, XSLT_SECPREF_WRITE_FILE, xsltSecurityForbid);
    xsltSetSecurityPrefs(security, XSLT_SECPREF_CREATE_DIRECTORY, xsltSecurityForbid);
    xsltSetSecurityPrefs(security, XSLT_SECPREF_READ_NETWORK, in_bundle);
    xsltSetSecurityPrefs(security, XSLT_SECPREF_WRITE_NETWORK, xsltSecurityForbid);
    xsltSetDefaultSecurityPrefs(security);
    return security;
}

/* At the begin of every use: libxml2 keeps these handlers per thread. */
void rohrpost_enter(void) {
    xmlSetStructuredErrorFunc(NULL, on_structured);
    xmlSetGenericErrorFunc(NULL, on_nothing);
}

/* Global parameters without a namespace, of the stylesheet and all it imports. */
void rohrpost_params(xsltStylesheetPtr style, void *names, void (*each)(void *names, const char *name)) {
    for (; style != NULL; style = xsltNextImport(style))
        for (xsltStackElemPtr global = style->variables; global != NULL; global = global->next)
            if (global->comp != NULL && global->comp->type == XSLT_FUNC_PARAM && global->nameURI == NULL)
                each(names, (const char *)global->name);
}

int rohrpost_errors(xsltStylesheetPtr style) { return style->errors; }

int rohrpost_indents(xsltStylesheetPtr style) {
    int indent = 0;
    XSLT_GET_IMPORT_INT(indent, style, indent);
    return indent == 1;
}

/* Whether a stylesheet writes XML 1.0 in UTF-8, and how. What plain.rs writes must be what xsltSaveResultTo would. */
int rohrpost_form(xsltStylesheetPtr style, const char **encoding, int *omitted, int *standalone, int *indent) {
    const xmlChar *method = NULL, *version = NULL, *name = NULL;
    *omitted = *standalone = *indent = -1;
    XSLT_GET_IMPORT_PTR(method, style, method);
    XSLT_GET_IMPORT_PTR(version, style, version);
    XSLT_GET_IMPORT_PTR(name, style, encoding);
    XSLT_GET_IMPORT_INT(*omitted, style, omitXmlDeclaration);
    XSLT_GET_IMPORT_INT(*standalone, style, standalone);
    XSLT_GET_IMPORT_INT(*indent, style, indent);
    *encoding = (const char *)name;
    int first = version == NULL || xmlStrEqual(version, BAD_CAST "1.0");
    int xml = style->methodURI == NULL && (method == NULL || xmlStrEqual(method, BAD_CAST "xml"));
    return xml && first && xmlStrcasecmp(name, BAD_CAST "UTF-8") == 0;
}

enum { DONE, FAILED, OPERATIONS, MEMORY, STACK };

/* Writes what a stylesheet made: 1, or 0 if it cannot be written. */
int rohrpost_save(xsltStylesheetPtr style, xmlDocPtr result, void *output, xmlOutputWriteCallback write) {
    const xmlChar *encoding = NULL;
    XSLT_GET_IMPORT_PTR(encoding, style, encoding);
    xmlCharEncodingHandlerPtr handler = NULL;
    if (encoding != NULL && xmlStrcasecmp(encoding, BAD_CAST "UTF-8") != 0) {
        handler = xmlFindCharEncodingHandler((const char *)encoding);
        if (handler == NULL) return 0;
    }
    xmlOutputBufferPtr buffer = xmlOutputBufferCreateIO(write, NULL, output, handler);
    if (buffer == NULL) return 0;
    int saved = xsltSaveResultTo(buffer, result, style);
    int closed = xmlOutputBufferClose(buffer);
    return saved >= 0 && closed >= 0;
}

/* Runs a stylesheet on a document, which it may change. `params` holds names and values in turn; the values are bound as
 * strings, never read as XPath. `made` is set to the tree that it made where it came to its end, else to NULL. */
int rohrpost_transform(xsltStylesheetPtr style, xmlDocPtr doc, const char *const *params, unsigned long operations,
                       int depth, long long memory, xmlDocPtr *made) {
    *made = NULL;
    xsltTransformContextPtr context = xsltNewTransformContext(style, doc);
    if (context == NULL) return FAILED;
    xsltSetTransformErrorFunc(context, context, on_text);
    xmlXPathRegisterFuncLookup(context->xpathCtxt, find_function, context->xpathCtxt);
    xsltSetCtxtSecurityPrefs(xsltGetDefaultSecurityPrefs(), context);
    context->opLimit = context->xpathCtxt->opLimit = operations;
    context->maxTemplateDepth = depth;
    for (; *params != NULL; params += 2)
        xsltQuoteOneUserParam(context, BAD_CAST params[0], BAD_CAST params[1]);
    used = 0, allowed = memory, exact = out_of_memory = out_of_stack = 0, running = context;
    xmlDocPtr result = xsltApplyStylesheetUser(style, doc, NULL, NULL, NULL, context);
    running = NULL;
    int exhausted = context->opCount > operations || context->xpathCtxt->opCount >= operations;
    int outcome = out_of_stack ? STACK : out_of_memory ? MEMORY : exhausted ? OPERATIONS : FAILED;
    if (result != NULL && context->state == XSLT_STATE_OK && outcome == FAILED) {
        outcome = DONE;
        *made = result;
    } else {
        xmlFreeDoc(result);
    }
    xsltFreeTransformContext(context);
    return outcome;
}

void rohrpost_xpath_limit(xmlXPathContextPtr context, unsigned long operations) { context->opLimit = operations; }
