import java.io.File;
import javax.xml.transform.stream.StreamSource;
import javax.xml.validation.Validator;
import org.xml.sax.ErrorHandler;
import org.xml.sax.SAXParseException;

/**
 * Verdicts of Xerces 2. Each line of the input is `schema FILE`, for the documents after it, or the file of a document; for
 * each document one line is written, `valid` or `invalid` with the line of the first error.
 */
class Verdicts {
    public static void main(String[] arguments) throws Exception {
        var factory = new org.apache.xerces.jaxp.validation.XMLSchemaFactory();
        Validator validator = null;
        for (var line : new String(System.in.readAllBytes(), "UTF-8").lines().toList()) {
            if (line.startsWith("schema ")) {
                validator = factory.newSchema(new File(line.substring(7))).newValidator();
                continue;
            }
            var first = new int[] {0};
            validator.setErrorHandler(new ErrorHandler() {
                public void warning(SAXParseException e) { }
                public void error(SAXParseException e) { if (first[0] == 0) first[0] = e.getLineNumber(); }
                public void fatalError(SAXParseException e) { error(e); }
            });
            validator.validate(new StreamSource(new File(line)));
            System.out.println(first[0] == 0 ? "valid" : "invalid " + first[0]);
        }
    }
}
